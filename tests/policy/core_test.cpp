// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("a job runs from submission to done") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec()});
  REQUIRE(b.action<Launch>());
  CHECK(b.action<Launch>()->attempt == 1);
  CHECK(b.state() == "starting");
  b.record(journal::Started{42});
  CHECK(b.state() == "running");
  b.gone(b.exit_record(0));
  CHECK(b.state() == "done");
  CHECK(run_exit(b.job()) == 0);
  CHECK_FALSE(b.job().env_held);
}

TEST_CASE("one slot: the second waits with a reason, and starts when the first ends") {
  Bench b;
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  CHECK(b.state("j2") == "queued");
  CHECK_FALSE(reason_text(b.job("j2")).empty());
  b.gone(b.exit_record(0));
  REQUIRE(b.action<Launch>());
  CHECK(b.action<Launch>()->id == "j2");
}

TEST_CASE("at the limit with a confirmed checkpoint it is parked, and run returns 85") {
  Bench b;
  b.session(1h);
  b.run();
  b.pass(1h - 120s);
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  auto r = b.exit_record({}, 15);
  r.term_sent = EndReason::session_limit;
  r.final_requested = true;
  b.gone(r);
  CHECK(b.state() == "parked");
  CHECK(run_exit(b.job()) == 85);
  CHECK(b.job().budgets.interruptions == 1);
  CHECK(b.job().budgets.no_progress == 0);
}

TEST_CASE("nobody is told that it is over before the next machine can know it") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.gone(b.exit_record(0));
  CHECK(b.state() == "done");
  REQUIRE(b.action<WriteRecord>());
  CHECK_FALSE(run_exit(b.job()));
  b.w.dirty.clear();
  SECTION("once it is written") {
    b.step(RecordWritten{"j1", true, true});
  }
  SECTION("or could not be: it is tried again, and nobody waits for that") {
    b.step(RecordWritten{"j1", true, false});
    CHECK(b.job().end_record == Work::wanted);
  }
  CHECK(run_exit(b.job()) == 0);
  CHECK(b.w.dirty.contains("j1")); // who watches hears of it
}

TEST_CASE("at the limit without one it is parked, and run returns 75") {
  Bench b;
  b.session(1h);
  b.run();
  b.pass(1h);
  auto r = b.exit_record({}, 9);
  r.kill_sent = EndReason::session_limit;
  b.gone(r);
  CHECK(b.state() == "parked");
  CHECK(run_exit(b.job()) == 75);
  CHECK(b.job().budgets.no_progress == 1);
}

TEST_CASE("a verdict waits for the checkpoint that is still being looked at") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  REQUIRE(b.action<Secure>());
  b.gone(b.exit_record(85));
  CHECK(b.state() == "ending");
  b.step(Secured{"j1", 1, true, "", 1, "/m", "", "", ""});
  CHECK(b.state() == "queued"); // 85 with a newer checkpoint, and no limit near: it goes on
  b.pass(1s);
  b.tick();
  CHECK(b.state() == "starting");
  REQUIRE(b.action<Prepare>());
  CHECK(b.action<Prepare>()->attempt == 2);
}

TEST_CASE("the resumed attempt is given what was prepared") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  b.gone(b.exit_record(85));
  b.pass(1s);
  b.tick();
  b.prepared("/c/m.pt");
  REQUIRE(b.action<Launch>());
  CHECK(b.job().resume_from == "/c/m.pt");
  CHECK(b.job().attempt == 2);
}

TEST_CASE("failed is failed with no budget, and retried within one") {
  Bench b;
  b.run();
  b.gone(b.exit_record(1));
  CHECK(b.state() == "failed");
  CHECK(run_exit(b.job()) == 1);
  Bench c;
  auto s = Bench::spec();
  s.max_failures = 1;
  c.run(s);
  c.gone(c.exit_record(1));
  c.pass(1s);
  c.tick();
  CHECK(c.state() == "starting");
  c.started();
  c.gone(c.exit_record(1));
  CHECK(c.state() == "failed");
  CHECK(c.job().budgets.failures == 2);
}

TEST_CASE("no record in this boot is lost and returns 125, and in another the session vanished") {
  Bench b;
  b.run();
  b.gone(std::nullopt);
  CHECK(b.state() == "lost");
  CHECK(run_exit(b.job()) == 125);
  Bench c;
  c.run();
  c.job().env_held = false; // it was another machine's daemon that held it
  c.gone(std::nullopt, false);
  CHECK(c.state() == "parked");
  CHECK(c.job().budgets.failures == 0);
}

TEST_CASE("three attempts in a row without a newer checkpoint are enough") {
  Bench b;
  b.session(1h);
  b.run();
  for (int i = 1; i <= 3; ++i) {
    auto r = b.exit_record({}, 15);
    r.term_sent = EndReason::session_limit;
    b.pass(1h);
    b.gone(r);
    if (i < 3) {
      CHECK(b.state() == "parked");
      b.session(1h);
      b.step(Resumed{"j1", Bench::spec()});
      b.started();
    }
  }
  CHECK(b.state() == "failed");
  CHECK(b.job().ended_state()->reason.find("no newer checkpoint in 3 attempts") !=
        std::string::npos);
}

TEST_CASE("the budget of interruptions is counted apart") {
  Bench b;
  b.session(1h);
  auto s = Bench::spec();
  s.max_interruptions = 0;
  b.run(s);
  b.pass(1h);
  auto r = b.exit_record({}, 15);
  r.term_sent = EndReason::session_limit;
  b.gone(r);
  CHECK(b.state() == "failed");
}

TEST_CASE("no budget is reset by a resume") {
  const auto resume = [](Bench& b, const JobSpec& s) {
    b.session(1h);
    b.step(Resumed{"j1", s});
    b.started();
  };
  auto s = Bench::spec();
  s.max_interruptions = s.max_failures = 1;
  s.max_no_progress = 0;
  Bench interrupted;
  interrupted.session(1h);
  interrupted.run(s);
  for (int i = 1; i <= 2; ++i) {
    interrupted.pass(1h);
    auto r = interrupted.exit_record({}, 15);
    r.term_sent = EndReason::session_limit;
    interrupted.gone(r);
    CHECK(interrupted.job().budgets.interruptions == i);
    CHECK(interrupted.state() == (i == 1 ? "parked" : "failed"));
    resume(interrupted, s);
  }
  Bench failing;
  failing.session(1h);
  failing.run(s);
  failing.gone(failing.exit_record(1));
  CHECK(failing.state() == "queued");
  failing.pass(1s);
  failing.tick();
  failing.started();
  for (int failures = 2; failures <= 3; ++failures) { // the user's own run gives no new try either
    failing.gone(failing.exit_record(1));
    CHECK(failing.state() == "failed");
    CHECK(failing.job().budgets.failures == failures);
    resume(failing, s);
  }
  CHECK(failing.job().budgets.interruptions == 0);
}

TEST_CASE("stop before it ran, and stop while it runs") {
  Bench b;
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  b.step(StopAsked{"j2", false});
  CHECK(b.state("j2") == "stopped");
  b.step(StopAsked{"j1", false});
  auto r = b.exit_record({}, 15);
  r.term_sent = EndReason::stop;
  b.gone(r);
  CHECK(b.state("j1") == "stopped");
  CHECK(run_exit(b.job("j1")) == 143);
}

TEST_CASE("a stopped job goes on only when it is run again") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  b.step(StopAsked{"j1", true});
  b.gone(b.exit_record({}, 15));
  b.pass(1h);
  b.tick();
  CHECK(b.state() == "stopped");
  b.step(Resumed{"j1", Bench::spec()});
  CHECK(b.action<Prepare>());
}

TEST_CASE("a queued job for which the session has no time left is parked with the reason") {
  Bench b;
  b.session(1h);
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  b.pass(1h - 60s);
  b.tick();
  CHECK(b.state("j2") == "parked");
  CHECK(reason_text(b.job("j2")).find("only 1m 00s of the session are left") != std::string::npos);
}

TEST_CASE("a failed preparation and a failed launch hold the job, saying why") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec()});
  b.step(LaunchFailed{"j1", 1, "no space left"});
  CHECK(b.state() == "held");
  CHECK(reason_text(b.job()) == "cannot start: no space left");
  b.step(Resumed{"j1", Bench::spec()});
  CHECK(b.action<Launch>());
  CHECK(b.action<Launch>()->attempt == 2);
}

TEST_CASE("records are written in order: begin, then end") {
  Bench b;
  b.durable();
  b.step(Submitted{"j1", Bench::spec()});
  b.tick();
  CHECK(b.job().begin_record == Work::issued);
  b.started();
  b.gone(b.exit_record(0));
  CHECK_FALSE(b.action<WriteRecord>());
  b.step(RecordWritten{"j1", false, true});
  REQUIRE(b.action<WriteRecord>());
  CHECK(b.action<WriteRecord>()->end);
  b.step(RecordWritten{"j1", true, true});
  CHECK_FALSE(b.w.active.contains("j1"));
}

TEST_CASE("a durable record that could not be written is tried again later, not at once") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, false});
  CHECK_FALSE(b.action<WriteRecord>());
  b.pass(10s);
  b.tick();
  CHECK(b.action<WriteRecord>());
}

TEST_CASE("a record that came with a checkpoint is owed no more, and the end's does not wait") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, false});
  b.saved("/c/m.pt", "sig1");
  Secured with{"j1", 1, true, "", 1, "/m", "stored", "/d", ""};
  with.begun = 2; // of an attempt that is not this one
  b.step(with);
  CHECK(b.job().begin_record == Work::wanted);
  b.saved("/c/n.pt", "sig2");
  with.seq = 2;
  with.begun = 1;
  b.step(with);
  CHECK(b.job().begin_record == Work::none);
  b.gone(b.exit_record(0));
  REQUIRE(b.action<WriteRecord>());
  CHECK(b.action<WriteRecord>()->end);
}

TEST_CASE("after a restart what was issued is wanted again, and what has no environment is held") {
  Bench b;
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  b.saved("/c/m.pt", "sig1");
  REQUIRE(b.job().checkpoints.back().state == CheckpointState::securing);
  for (auto& [id, job] : b.w.jobs) {
    job.env_held = false;
  }
  b.w.queue.clear();
  b.w.active.clear();
  adopt(b.w);
  b.tick();
  CHECK(b.state("j2") == "held");
  REQUIRE(b.action<Secure>());
  CHECK(b.state("j1") == "running");
}

TEST_CASE("a launch that a dead daemon committed and never made is held, not started twice") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec()});
  b.job().env_held = false;
  adopt(b.w);
  b.tick();
  CHECK_FALSE(b.action<Launch>());
  b.step(NeverStarted{"j1", 1});
  CHECK(b.state() == "held");
}

TEST_CASE("records of the journal count once") {
  Bench b;
  b.run();
  journal::Record r{2, b.now.boot, b.now.wall, journal::Checkpoint{"notify", "/c/m.pt", 1}};
  b.step(ShimRecord{"j1", 1, r, "sig1", {}});
  b.step(ShimRecord{"j1", 1, r, "sig2", {}});
  CHECK(b.job().checkpoints.size() == 1);
}

TEST_CASE("news of another attempt or an unknown job changes nothing") {
  Bench b;
  b.run();
  b.step(ShimGone{"j1", 9, std::nullopt, true});
  b.step(ShimGone{"nobody", 1, std::nullopt, true});
  CHECK(b.state() == "running");
  CHECK(b.last.actions.empty());
}

TEST_CASE("removed is gone, but only after it has ended") {
  Bench b;
  b.run();
  b.step(Removed{"j1"});
  CHECK(b.w.jobs.contains("j1"));
  b.gone(b.exit_record(0));
  b.step(Removed{"j1"});
  CHECK_FALSE(b.w.jobs.contains("j1"));
  CHECK(b.w.dirty.contains("j1"));
}

TEST_CASE("a heartbeat goes out when due, and at once when the set of running jobs changes") {
  Bench b;
  b.durable();
  b.tick();
  REQUIRE(b.action<Heartbeat>());
  b.step(HeartbeatWritten{});
  b.step(Submitted{"j1", Bench::spec()});
  REQUIRE(b.action<Heartbeat>());
  CHECK(b.action<Heartbeat>()->seq == 2);
  b.step(HeartbeatWritten{});
  CHECK_FALSE(b.action<Heartbeat>());
  b.pass(60s);
  b.tick();
  CHECK(b.action<Heartbeat>());
}

TEST_CASE("what changes while a heartbeat is being written is told by the next") {
  Bench b;
  b.durable();
  b.tick();
  REQUIRE(b.action<Heartbeat>());
  b.run();
  CHECK_FALSE(b.action<Heartbeat>());
  b.step(HeartbeatWritten{});
  REQUIRE(b.action<Heartbeat>()); // it has started
  b.gone(b.exit_record(0));
  CHECK_FALSE(b.action<Heartbeat>());
  b.step(HeartbeatWritten{});
  CHECK(b.action<Heartbeat>()); // it has ended
}

TEST_CASE(
    "of two clients that ask for one name, one anew and one to resume, the first one counts") {
  Bench b;
  b.run();
  b.gone(b.exit_record(1));
  CHECK(b.state() == "failed");
  b.step(Submitted{"j2", Bench::spec(), true});
  b.step(Resumed{"j1", Bench::spec()});
  CHECK(b.state() == "failed");
  CHECK(b.job("j2").ended_state() == nullptr);
}
