// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// A session of an hour, at whose end one job is parked, its checkpoint with this level.
void end_of_session(Bench& b, const std::string& level) {
  b.session(1h);
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.saved("/c/1.pt", "sig1");
  b.secured(true, level);
  CHECK(to_flush(b.w, b.now).empty());
  b.pass(1h - 30s);
  auto r = b.exit_record({}, 15);
  r.term_sent = EndReason::session_limit;
  b.gone(r);
  CHECK(to_flush(b.w, b.now).empty()); // its end is not written yet
  b.step(RecordWritten{"j1", true, true});
  b.step(HeartbeatWritten{});
  b.tick();
  b.step(HeartbeatWritten{});
}

} // namespace

TEST_CASE("when all is over and written, what is cached is flushed, and then known to be") {
  Bench b;
  end_of_session(b, "cached");
  const auto cached = to_flush(b.w, b.now);
  REQUIRE(cached == std::vector<std::pair<JobId, int>>{{"j1", 1}});
  b.step(Flushed{cached});
  CHECK(b.job().checkpoints[0].durable_level == "flushed");
  CHECK(to_flush(b.w, b.now).empty());
}

TEST_CASE("what is stored needs no flush") {
  Bench b;
  end_of_session(b, "stored");
  CHECK(to_flush(b.w, b.now).empty());
}

TEST_CASE("while something can still be started nothing is taken away") {
  Bench b;
  end_of_session(b, "cached");
  b.w.session.plan_end = b.now.boot + 1h;
  CHECK(to_flush(b.w, b.now).empty());
}
