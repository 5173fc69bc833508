// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

Job theirs(int attempt, const std::string& reason = "limit") {
  Job job;
  job.id = "x1";
  job.spec = Bench::spec("x");
  job.attempt = attempt;
  job.state = Ended{EndState::parked, reason, {}, {}, true};
  return job;
}

Checkpoint stored(int seq) {
  Checkpoint c;
  c.seq = seq;
  c.path = "/c/" + std::to_string(seq);
  c.state = CheckpointState::verified;
  c.durable_level = "stored";
  c.durable_path = "/d/" + std::to_string(seq);
  return c;
}

} // namespace

TEST_CASE("an imported job is taken, and an older attempt of it is not") {
  Bench b;
  b.step(Imported{theirs(2)});
  CHECK(b.state("x1") == "parked");
  b.step(Imported{theirs(1, "old")});
  CHECK(reason_text(b.job("x1")) == "limit");
}

TEST_CASE("what another session does to a job that is only known from there is followed") {
  Bench b;
  b.step(Imported{theirs(2)});
  auto later = theirs(2, "stopped by the user");
  later.checkpoints.push_back(stored(1));
  b.step(Imported{later});
  CHECK(reason_text(b.job("x1")) == "stopped by the user");
  CHECK(b.job("x1").checkpoints.size() == 1);
}

TEST_CASE("what was said here of a job of theirs stands until they say that it is done") {
  Bench b;
  b.session(1h);
  b.durable();
  auto job = theirs(4);
  job.state = Ended{EndState::lost, "the shim is gone", {}, {}, false};
  job.ended = b.now.wall - 1min;
  b.step(Imported{job});
  b.pass(1h - 5s);
  b.step(Resumed{"x1", Bench::spec("x")});
  b.tick();
  REQUIRE(b.state("x1") == "parked"); // too late for a start
  const auto said = reason_text(b.job("x1"));
  CHECK(b.job("x1").end_record == Work::none); // theirs is the record of that attempt
  b.step(Imported{job});
  CHECK(b.state("x1") == "parked");
  CHECK(reason_text(b.job("x1")) == said);
  job.state = Ended{EndState::done, "exit code 0", 0, {}, false};
  b.step(Imported{job});
  CHECK(b.state("x1") == "done");
}

TEST_CASE("an imported job never replaces one that lives here") {
  Bench b;
  b.step(Imported{theirs(2)});
  b.step(Resumed{"x1", Bench::spec("x")});
  REQUIRE(b.state("x1") == "starting");
  b.step(Imported{theirs(9)});
  CHECK(b.state("x1") == "starting");
}

TEST_CASE("a run here is the newer truth until another session has gone beyond it") {
  Bench b;
  b.step(Imported{theirs(2)});
  b.step(Resumed{"x1", Bench::spec("x")});
  b.started("x1");
  b.gone(b.exit_record(0, {}, "x1"), true, "x1");
  REQUIRE(b.state("x1") == "done");
  b.step(Imported{theirs(3)});
  CHECK(b.state("x1") == "done");
  b.step(Imported{theirs(4)});
  CHECK(b.state("x1") == "parked");
}

TEST_CASE("a held job is replaced by what another session made of it") {
  Bench b;
  b.step(Submitted{"x1", Bench::spec("x")});
  b.step(LaunchFailed{"x1", 1, "no space left"});
  REQUIRE(b.state("x1") == "held");
  b.step(Imported{theirs(2)});
  CHECK(b.state("x1") == "parked");
}
