// SPDX-License-Identifier: Apache-2.0
// Starts that wait, fail, or are no longer wanted.
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <utility>
#include <vector>

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// The running attempt ends with a save and exit code 85: it goes on.
void ask_for_restart(Bench& b, int n) {
  b.saved("/c/" + std::to_string(n), "sig" + std::to_string(n));
  b.secured(true);
  b.gone(b.exit_record(85));
}

/// Time until the queued job starts again, found by the loop's own wake-ups.
Duration wait_for_start(Bench& b) {
  const auto from = b.now.boot;
  while (b.state() == "queued") {
    REQUIRE(b.last.next_wakeup);
    REQUIRE(*b.last.next_wakeup > b.now.boot);
    b.pass(*b.last.next_wakeup - b.now.boot);
    b.tick();
  }
  return b.now.boot - from;
}

} // namespace

TEST_CASE("a job that ends within seconds again and again is restarted ever more slowly") {
  Bench b;
  b.run();
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    ask_for_restart(b, b.job().attempt);
    REQUIRE(b.state() == "queued");
    CHECK(wait_for_start(b) == expected);
    b.prepared("/c/1");
    b.started();
  }
}

TEST_CASE("a job that ran for a while is restarted after a second") {
  Bench b;
  b.run();
  for (int n = 1; n <= 3; ++n) {
    b.pass(10min);
    ask_for_restart(b, n);
    CHECK(wait_for_start(b) == 1s);
    b.prepared("/c/1");
    b.started();
  }
}

TEST_CASE("while one waits for its restart, another may have the slot") {
  Bench b;
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  ask_for_restart(b, 1);
  REQUIRE(b.action<Launch>());
  CHECK(b.action<Launch>()->id == "j2");
}

TEST_CASE("no checkpoint of it can be read: held, never started over") {
  Bench b;
  b.run();
  ask_for_restart(b, 1);
  wait_for_start(b);
  b.step(Prepared{"j1", 2, true, "", "", "", {"/c/1: cannot be read: input/output error"}});
  CHECK(b.state() == "held");
  CHECK_FALSE(b.action<Launch>());
  CHECK(reason_text(b.job()).find("input/output error") != std::string::npos);
  CHECK(reason_text(b.job()).find("--again") != std::string::npos);
  b.step(Resumed{"j1", Bench::spec()}); // the mount is back
  CHECK(b.action<Prepare>());
}

TEST_CASE("stop while a resume is prepared ends it before it starts") {
  Bench b;
  b.run();
  ask_for_restart(b, 1);
  wait_for_start(b);
  b.step(StopAsked{"j1", false});
  CHECK(b.state() == "stopped");
  b.prepared("/c/1");
  CHECK(b.state() == "stopped");
  CHECK_FALSE(b.action<Launch>());
}

TEST_CASE("stop while a launch is under way: stopped, also when the launch fails") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec()});
  b.step(StopAsked{"j1", false});
  CHECK(b.state() == "starting"); // a shim may be alive already: it will be told
  b.step(LaunchFailed{"j1", 1, "no space left"});
  CHECK(b.state() == "stopped");
  Bench c;
  c.step(Submitted{"j1", Bench::spec()});
  c.step(StopAsked{"j1", false});
  c.step(NeverStarted{"j1", 1});
  CHECK(c.state() == "stopped");
}

TEST_CASE("a queued job is parked when its start stops being worth it, without other news") {
  Bench b;
  b.session(1h);
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  // The session's start needs lead and a little run: 120 s and 10 s here.
  REQUIRE(b.last.next_wakeup);
  while (b.state("j2") == "queued") {
    REQUIRE(b.last.next_wakeup);
    REQUIRE(*b.last.next_wakeup > b.now.boot);
    b.pass(*b.last.next_wakeup - b.now.boot);
    b.tick();
  }
  CHECK(b.state("j2") == "parked");
  CHECK(b.now.boot > *b.w.session.plan_end - 130s);
  CHECK(b.now.boot < *b.w.session.plan_end - 129s);
}

TEST_CASE("each queued job is parked when its own start stops being worth it") {
  Bench b;
  b.session(1h);
  b.run();
  auto patient = Bench::spec("long");
  patient.lead = 30min;
  b.step(Submitted{"j2", patient});
  b.step(Submitted{"j3", Bench::spec("short")});
  b.step(Submitted{"j4", patient});
  b.step(StopAsked{"j4", true}); // gone from the queue again
  std::vector<std::pair<JobId, Duration>> parked;
  while (parked.size() < 2) {
    REQUIRE(b.last.next_wakeup);
    b.pass(*b.last.next_wakeup - b.now.boot);
    b.tick();
    for (const auto* id : {"j2", "j3"}) {
      const bool known =
          std::any_of(parked.begin(), parked.end(), [&](const auto& p) { return p.first == id; });
      if (!known && b.state(id) == "parked") {
        parked.emplace_back(id, *b.w.session.plan_end - b.now.boot);
      }
    }
  }
  CHECK(parked[0].first == "j2");
  CHECK(parked[0].second > 30min);
  CHECK(parked[1].first == "j3");
  CHECK(parked[1].second < 131s);
}

TEST_CASE("two lines for one name at once make one job") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec("n"), true});
  b.step(Submitted{"j2", Bench::spec("n"), true});
  CHECK(b.w.jobs.size() == 1);
  b.step(Submitted{"j3", Bench::spec("n"), false}); // a name we made up: no claim
  CHECK(b.w.jobs.size() == 2);
}

TEST_CASE("a stop that the last daemon may not have sent is sent by the next") {
  Bench b;
  b.run();
  b.step(StopAsked{"j1", false});
  REQUIRE(b.action<SendPlan>());
  adopt(b.w);
  b.tick();
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.reason == EndReason::stop);
}

TEST_CASE("a request that the last daemon may not have sent is sent by the next, a heard one not") {
  Bench b;
  b.run();
  b.step(CheckpointAsked{"j1"});
  REQUIRE(b.action<SendRequest>());
  adopt(b.w);
  b.tick();
  REQUIRE(b.action<SendRequest>());
  CHECK(b.action<SendRequest>()->number == 1);
  b.record(journal::Requested{1, false, "USR1", {100}});
  adopt(b.w);
  b.tick();
  CHECK_FALSE(b.action<SendRequest>());
}

TEST_CASE("a held job does not bar its name: --again starts another of it") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec("n"), true});
  b.step(LaunchFailed{"j1", 1, "no space left"});
  REQUIRE(b.state("j1") == "held");
  b.step(Submitted{"j2", Bench::spec("n"), true});
  CHECK(b.state("j2") == "starting");
}

TEST_CASE("stop of a job that has finished already, but for its last copy, leaves it done") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  b.gone(b.exit_record(0));
  REQUIRE(b.state() == "ending");
  b.step(StopAsked{"j1", false});
  b.step(Secured{"j1", 1, true, "", 1, "/m", "", "", ""});
  CHECK(b.state() == "done");
}

TEST_CASE("the end of an attempt that is not written yet is not owed once it goes on") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.gone(b.exit_record(3));
  b.step(RecordWritten{"j1", true, false});
  b.w.slots = 0;
  b.step(Resumed{"j1", Bench::spec()});
  REQUIRE(b.state() == "queued");
  b.pass(1min);
  b.tick();
  CHECK_FALSE(b.action<WriteRecord>());
}

TEST_CASE("a removed job that is stored is hidden, and news of it brings it back") {
  Bench b;
  b.durable();
  b.run();
  b.saved("/c/m.pt", "sig1");
  b.secured(true, "stored");
  b.gone(b.exit_record(1));
  b.step(Removed{"j1"});
  REQUIRE(b.w.jobs.contains("j1"));
  CHECK(b.job().removed);
  auto theirs = b.job();
  theirs.removed = false;
  b.step(Imported{theirs});
  CHECK(b.job().removed);
  ++theirs.attempt;
  b.step(Imported{theirs});
  CHECK_FALSE(b.job().removed);
}

TEST_CASE("one without any checkpoint is hidden, too: its attempts are recorded there") {
  Bench b;
  b.durable();
  b.run();
  b.gone(b.exit_record(0));
  b.step(Removed{"j1"});
  REQUIRE(b.w.jobs.contains("j1"));
  CHECK(b.job().removed);
  b.step(RecordWritten{"j1", false, true});
  REQUIRE(b.action<WriteRecord>()); // what became of it is still written
  CHECK(b.action<WriteRecord>()->end);
  auto theirs = b.job();
  theirs.removed = false;
  b.step(Imported{theirs});
  CHECK(b.job().removed);
}

TEST_CASE(
    "a job of which only an unanswered request is known is not waited for when it is stopped") {
  Bench b;
  b.run();
  b.step(CheckpointAsked{"j1"});
  b.record(journal::Requested{1, false, "", {}});
  b.pass(90s);
  b.tick();
  REQUIRE(b.job().checkpoints.back().state == CheckpointState::unconfirmed);
  b.step(StopAsked{"j1", false});
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.term_at == b.now.boot);
}

TEST_CASE("the very same bytes saved again are no progress") {
  Bench b;
  b.durable();
  b.run();
  for (int n = 1; n <= 2; ++n) {
    b.saved("/c/m.pt", "sig" + std::to_string(n));
    b.secured(true, "stored"); // at /durable/1 each time: the helper found them there
    b.gone(b.exit_record(85));
    if (n == 1) {
      REQUIRE(b.state() == "queued");
      wait_for_start(b);
      b.prepared("/c/m.pt");
      b.started();
    }
  }
  CHECK(b.state() == "failed");
  CHECK(reason_text(b.job()).find("no new checkpoint") != std::string::npos);
}
