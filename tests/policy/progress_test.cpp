// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

#include <cmath>
#include <limits>

using namespace gpujob;
using namespace gpujob::test;

namespace {

ProgressSeen bar(double done, std::optional<Duration> left = {}) {
  return {"j1", 1, done, left, "14it/s"};
}

const Progress& progress(Bench& b) {
  return *std::get<Running>(b.job().state).progress;
}

} // namespace

TEST_CASE("what is left follows from the pace at which a job tells its progress") {
  Bench b;
  b.run();
  CHECK(!work_left(b.job(), b.now));
  b.record(journal::Progress{0.10}); // resumed there: it says nothing of the pace
  CHECK(!work_left(b.job(), b.now));
  b.pass(100s);
  b.record(journal::Progress{0.20});
  CHECK(*work_left(b.job(), b.now) == 800s);
  b.pass(300s); // without a word it is taken to go on as fast
  CHECK(*work_left(b.job(), b.now) == 500s);
  b.pass(1h);
  CHECK(*work_left(b.job(), b.now) == 0s);
}

TEST_CASE("the first moments tell nothing of the pace") {
  Bench b;
  b.run();
  b.record(journal::Progress{0.0});
  b.pass(1s);
  b.record(journal::Progress{0.1});
  CHECK(!work_left(b.job(), b.now));
}

TEST_CASE("progress that falls back is measured anew") {
  Bench b;
  b.run();
  b.record(journal::Progress{0.0});
  b.pass(100s);
  b.record(journal::Progress{0.9});
  b.pass(100s);
  b.record(journal::Progress{0.1});
  CHECK(!work_left(b.job(), b.now));
  b.pass(100s);
  b.record(journal::Progress{0.2});
  CHECK(*work_left(b.job(), b.now) == 800s);
}

TEST_CASE("a bar in the output counts until the job speaks itself") {
  Bench b;
  b.run();
  b.step(bar(0.25, 3h));
  CHECK(progress(b).done == 0.25);
  CHECK_FALSE(progress(b).told);
  b.pass(1h);
  CHECK(*work_left(b.job(), b.now) == 2h);
  b.record(journal::Progress{0.5});
  CHECK(progress(b).told);
  b.step(bar(0.3, 3h));
  CHECK(progress(b).done == 0.5);
}

TEST_CASE("a bar of another attempt, or of a job that has gone, changes nothing") {
  Bench b;
  b.run();
  b.step(ProgressSeen{"j1", 2, 0.5, {}, {}});
  b.step(ProgressSeen{"j9", 1, 0.5, {}, {}});
  CHECK_FALSE(std::get<Running>(b.job().state).progress);
}

TEST_CASE("a checkpoint remembers how much work was left, for the next session") {
  Bench b;
  b.run();
  b.step(bar(0.25, 3h));
  b.pass(1h);
  b.saved("/c/1", "sig1");
  b.pass(30min);
  b.secured();
  b.gone(b.exit_record({}, 9));
  REQUIRE(b.job().ended_state());
  CHECK(*work_left(b.job(), b.now) == 2h);
}

TEST_CASE("what is done has no work left") {
  Bench b;
  b.run();
  b.step(bar(0.25, 3h));
  b.save("/c/1");
  b.gone(b.exit_record(0));
  CHECK(b.state() == "done");
  CHECK(!work_left(b.job(), b.now));
}

TEST_CASE("a job that tells its progress no more keeps no old remainder") {
  Bench b;
  b.run();
  b.step(bar(0.25, 3h));
  b.save("/c/1");
  b.gone(b.exit_record(1));
  CHECK(work_left(b.job(), b.now));
  b.step(Resumed{"j1", Bench::spec()});
  REQUIRE(b.action<Prepare>());
  b.prepared("/c/1");
  b.started();
  b.saved("/c/2", "sig2");
  CHECK(!b.job().history.left);
}

TEST_CASE("a bar that tells no more than how far it is has no remainder") {
  Bench b;
  b.run();
  b.step(bar(0.25, 3h));
  b.step({ProgressSeen{"j1", 1, 0.5, {}, {}}});
  CHECK(progress(b).done == 0.5);
  CHECK(progress(b).rate.empty());
  CHECK(!work_left(b.job(), b.now)); // that of half an hour ago is not carried on
  b.saved("/c/1", "sig1");
  CHECK(!b.job().history.left);
}

TEST_CASE("numbers beyond all measure are cut, and what is no number is passed over") {
  constexpr double k_huge = std::numeric_limits<double>::max();
  constexpr double k_none = std::numeric_limits<double>::quiet_NaN();
  Bench b;
  b.run();
  b.step(bar(k_huge));
  CHECK(progress(b).done == 1);
  b.step(bar(-k_huge));
  CHECK(progress(b).done == 0);
  b.step(bar(0.5, k_longest_span));
  b.step(bar(k_none, 3h));
  CHECK(progress(b).done == 0.5);
  b.saved("/c/1", "sig1");
  b.pass(1h);
  CHECK(*work_left(b.job(), b.now) == k_longest_span - 1h);
  for (const double value : {-k_huge, 7.0, k_huge, k_none}) {
    b.record(journal::Progress{value});
    CHECK(std::isfinite(progress(b).done));
    b.pass(1h);
  }
  b.record(journal::Progress{0});
  b.pass(24h * 365 * 40);
  b.record(journal::Progress{0.0021}); // as fast, 19 thousand years
  CHECK(!work_left(b.job(), b.now));
}
