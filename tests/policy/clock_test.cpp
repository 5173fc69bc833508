// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("a wall clock that is set moves no plan and starts nothing") {
  Bench b;
  b.session(1h);
  b.run();
  b.tick();
  const auto before = b.last.next_wakeup;
  for (const auto jump : {-24h * 365, 24h * 395}) {
    b.now.wall += jump;
    b.tick();
    CHECK(b.last.actions.empty());
    CHECK(b.last.next_wakeup == before);
  }
}

TEST_CASE("when it started is told on the wall clock as it is set now") {
  Bench b;
  b.run();
  const auto started = b.job().started.value();
  CHECK(started_at(b.job(), b.now) == started);
  b.pass(10min);
  b.now.wall -= 24h * 365;
  CHECK(started_at(b.job(), b.now) == started - 24h * 365);
  b.gone(b.exit_record(1));
  CHECK(b.job().ended.value() - b.job().started.value() == 10min);
}

TEST_CASE("a start under another boot says nothing about this clock") {
  Bench b;
  b.run();
  const auto started = b.job().started;
  b.now.boot = boot_from_ns(1); // the machine has been started anew
  b.now.wall += 1h;
  b.gone(b.exit_record(1), false);
  CHECK(b.job().started == started);
}

TEST_CASE("a job that ended when no daemon lived ended when its record says") {
  Bench b;
  b.run();
  b.pass(10min);
  const auto record = b.exit_record(7);
  b.pass(8h);
  b.gone(record);
  CHECK(b.job().ended == record.at);
}
