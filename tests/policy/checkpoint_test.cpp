// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("a checkpoint is confirmed only after it was looked at") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  REQUIRE(b.action<Secure>());
  CHECK(b.job().checkpoints.back().state == CheckpointState::securing);
  CHECK(newest_verified(b.job()) == nullptr);
  b.secured(true);
  REQUIRE(newest_verified(b.job()));
  CHECK(newest_verified(b.job())->how == "notify");
  CHECK(newest_verified(b.job())->step == 7);
}

TEST_CASE("an incomplete one is rejected and never replaces a confirmed one") {
  Bench b;
  b.run();
  b.saved("/c/1.pt", "sig1");
  b.secured(true);
  b.saved("/c/2.pt", "sig2");
  b.secured(false);
  CHECK(b.job().checkpoints.back().state == CheckpointState::rejected);
  CHECK(newest_verified(b.job())->path == "/c/1.pt");
}

TEST_CASE("the same files heard of twice are one checkpoint, with the stronger word") {
  Bench b;
  b.run();
  b.step(CheckpointFound{"j1", 1, "/c/m.pt", "sig1", "files"});
  b.secured(true);
  b.saved("/c/m.pt", "sig1");
  CHECK(b.job().checkpoints.size() == 1);
  CHECK(b.job().checkpoints.back().how == "notify");
}

TEST_CASE("what was there when the attempt began is not news") {
  Bench b;
  b.run();
  b.step(BaselineTaken{"j1", 1, {"old"}});
  b.step(CheckpointFound{"j1", 1, "/c/m.pt", "old", "files"});
  CHECK(b.job().checkpoints.empty());
}

TEST_CASE("one look at a time, and the newest first") {
  Bench b;
  b.run();
  b.saved("/c/1.pt", "sig1");
  REQUIRE(b.action<Secure>());
  b.saved("/c/2.pt", "sig2");
  CHECK_FALSE(b.action<Secure>());
  b.saved("/c/3.pt", "sig3");
  CHECK_FALSE(b.action<Secure>());
  b.step(Secured{"j1", 1, true, "", 1, "/m", "", "", ""});
  REQUIRE(b.action<Secure>());
  CHECK(b.action<Secure>()->seq == 3);
  b.secured(true);
  CHECK(b.job().checkpoints.size() == 2); // the overtaken one is gone
}

TEST_CASE("a continue request without an answer ends as unconfirmed") {
  Bench b;
  b.run();
  b.step(CheckpointAsked{"j1"});
  REQUIRE(b.action<SendRequest>());
  CHECK(b.action<SendRequest>()->number == 1);
  b.record(journal::Requested{1, false, "USR1", {100}});
  REQUIRE(b.last.next_wakeup);
  b.now.boot = *b.last.next_wakeup;
  b.tick();
  REQUIRE(b.job().checkpoints.size() == 1);
  CHECK(b.job().checkpoints.back().state == CheckpointState::unconfirmed);
  CHECK(b.job().checkpoints.back().how == "none");
}

TEST_CASE("a continue request that is answered is closed, and exit 0 after it is done") {
  Bench b;
  b.run();
  b.step(CheckpointAsked{"j1"});
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(3s);
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  REQUIRE(b.job().history.saves.size() == 1);
  CHECK(b.job().history.saves[0].latency() == 3);
  b.gone(b.exit_record(0));
  CHECK(b.state() == "done");
}

TEST_CASE("an acknowledgement without a path and without new files stays unconfirmed") {
  Bench b;
  b.run();
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.record(journal::Checkpoint{"stdout", "", {}});
  CHECK(b.job().checkpoints.empty());
  auto r = b.exit_record({}, 15);
  r.term_sent = EndReason::session_limit;
  b.gone(r);
  REQUIRE(b.job().checkpoints.size() == 1);
  CHECK(b.job().checkpoints.back().state == CheckpointState::unconfirmed);
}

TEST_CASE("a rejected answer leaves the request open for a better one") {
  Bench b;
  b.session(1h);
  b.run();
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.saved("/c/1.pt", "sig1");
  b.secured(false);
  b.saved("/c/2.pt", "sig2");
  b.secured(true);
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.saved);
}

TEST_CASE("who asks again after a rejected answer is heard") {
  Bench b;
  b.run();
  b.step(CheckpointAsked{"j1"});
  REQUIRE(b.action<SendRequest>());
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.saved("/c/1.pt", "sig1");
  b.secured(false);
  b.step(CheckpointAsked{"j1"});
  REQUIRE(b.action<SendRequest>());
  CHECK(b.action<SendRequest>()->number == 2);
}

TEST_CASE("a copy that failed is tried again while the checkpoint stays confirmed") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.saved("/c/m.pt", "sig1");
  b.secured(true, "", "disk full");
  CHECK(newest_verified(b.job()));
  CHECK(newest_verified(b.job())->durable_level.empty());
  REQUIRE(b.last.next_wakeup);
  b.pass(5s);
  b.tick();
  REQUIRE(b.action<Secure>());
  CHECK(newest_verified(b.job()));
  b.secured(true, "stored");
  CHECK(newest_verified(b.job())->durable_level == "stored");
  CHECK(newest_verified(b.job())->note.empty());
}

TEST_CASE("a copy that failed is tried again by the next daemon too, of a job that has ended") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.saved("/c/m.pt", "sig1");
  b.secured(true, "", "disk full");
  b.gone(b.exit_record(0));
  b.step(RecordWritten{"j1", true, true});
  b.w.active.clear();
  adopt(b.w);
  b.tick();
  REQUIRE(b.action<Secure>());
  b.secured(true, "stored");
  CHECK(newest_verified(b.job())->durable_level == "stored");
}

namespace {

void unanswered(Bench& b, int seq = 1) {
  Secured s;
  s.id = "j1";
  s.seq = seq;
  s.why = "helper: killed by signal 9";
  s.answered = false;
  b.step(s);
}

} // namespace

TEST_CASE("a helper that dies says nothing about the checkpoint: it is looked at again") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  unanswered(b);
  CHECK(b.job().checkpoints.back().state == CheckpointState::heard);
  CHECK_FALSE(b.action<Secure>());
  REQUIRE(b.last.next_wakeup);
  b.pass(*b.last.next_wakeup - b.now.boot);
  b.tick();
  REQUIRE(b.action<Secure>());
  b.secured(true);
  CHECK(newest_verified(b.job()));
}

TEST_CASE("a helper that dies over one checkpoint again and again is not asked for ever") {
  Bench b;
  b.run();
  b.saved("/c/m.pt", "sig1");
  Duration waited{};
  for (int n = 1; n <= 6; ++n) {
    REQUIRE(b.job().checkpoints.back().state == CheckpointState::securing);
    unanswered(b);
    if (b.last.next_wakeup) {
      waited += *b.last.next_wakeup - b.now.boot;
      b.pass(*b.last.next_wakeup - b.now.boot);
      b.tick();
    }
  }
  CHECK(waited == 5s + 10s + 20s + 40s + 80s);
  CHECK(b.job().checkpoints.back().state == CheckpointState::unconfirmed);
  CHECK(b.job().checkpoints.back().note.find("could not be looked at") == 0);
  CHECK_FALSE(b.action<Secure>());
}

TEST_CASE("a helper that dies while copying again takes nothing from what is confirmed") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.saved("/c/m.pt", "sig1");
  b.secured(true, "", "disk full");
  b.pass(5s);
  b.tick();
  REQUIRE(b.action<Secure>());
  unanswered(b);
  CHECK(newest_verified(b.job()));
  b.pass(10s);
  b.tick();
  CHECK(b.action<Secure>());
}

TEST_CASE("a periodic save from before the request is a checkpoint, but no answer to it") {
  Bench b;
  b.session(1h);
  b.run();
  const auto before = b.now.boot;
  b.pass(1s);
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.step(CheckpointFound{"j1", 1, "/c/1.pt", "sig1", "files", before});
  b.secured(true);
  CHECK(newest_verified(b.job()));
  CHECK_FALSE(b.action<SendPlan>()); // not saved: TERM waits for the answer
  b.pass(1s);
  b.step(CheckpointFound{"j1", 1, "/c/2.pt", "sig2", "files", b.now.boot});
  b.secured(true);
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.saved);
}

TEST_CASE("that nothing catches the signal is said at the start, once, and only where it matters") {
  const auto told = [](Bench& b) {
    int lines = 0;
    for (const auto& a : b.w.announcements) {
      lines += a.text.find("catches no checkpoint signal") != std::string::npos ? 1 : 0;
    }
    return lines;
  };
  Bench b;
  b.session(1h);
  b.run();
  CHECK(told(b) == 0);
  REQUIRE(b.last.next_wakeup);
  CHECK(*b.last.next_wakeup == b.now.boot + 10s);
  b.pass(10s);
  b.tick();
  b.pass(10s);
  b.tick();
  CHECK(told(b) == 1);

  Bench catches;
  catches.session(1h);
  catches.run();
  catches.record(journal::Catches{"USR1", 5});
  catches.pass(10s);
  catches.tick();
  CHECK(told(catches) == 0);

  Bench endless; // nobody will ask
  endless.run();
  endless.pass(10s);
  endless.tick();
  CHECK(told(endless) == 0);
}

TEST_CASE("what is not looked at yet is forgotten only when the newest has proved good") {
  Bench b;
  b.run();
  b.saved("/c/1.pt", "sig1");
  b.saved("/c/2.pt", "sig2");
  b.saved("/c/3.pt", "sig3");
  b.step(Secured{"j1", 1, true, "", 1, "/m", "", "", ""});
  REQUIRE(b.action<Secure>());
  REQUIRE(b.action<Secure>()->seq == 3);
  b.secured(false); // torn
  REQUIRE(b.action<Secure>());
  CHECK(b.action<Secure>()->seq == 2);
  b.secured(true);
  CHECK(newest_verified(b.job())->path == "/c/2.pt");
}

TEST_CASE("an answer that a newer one overtakes has answered the request all the same") {
  Bench b;
  b.session(1h);
  b.run();
  b.saved("/c/0.pt", "sig0");
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.saved("/c/1.pt", "sig1"); // the answer, while the first is still looked at
  b.saved("/c/2.pt", "sig2");
  b.step(Secured{"j1", 1, true, "", 1, "/m", "", "", ""});
  REQUIRE(b.action<Secure>());
  REQUIRE(b.action<Secure>()->seq == 3);
  b.secured(true);
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.saved);
}

TEST_CASE("copies that fail again and again are tried ever more seldom") {
  Bench b;
  b.durable();
  b.run();
  b.step(RecordWritten{"j1", false, true});
  b.step(HeartbeatWritten{});
  b.w.heartbeat_due.reset();
  b.saved("/c/m.pt", "sig1");
  for (const auto expected : {5s, 10s, 20s, 40s, 80s, 120s, 120s}) {
    b.secured(true, "", "disk full");
    REQUIRE(b.last.next_wakeup);
    CHECK(*b.last.next_wakeup - b.now.boot == expected);
    b.pass(*b.last.next_wakeup - b.now.boot);
    b.tick();
    REQUIRE(b.action<Secure>());
  }
  b.secured(true, "stored");
  CHECK(b.job().checkpoints.back().failures == 0);
}

TEST_CASE(
    "a durable directory that was given only now learns of what runs and of what it will hold") {
  Bench b;
  b.run();
  b.run(Bench::spec("k"), "j2");
  b.w.slots = 2;
  b.tick();
  b.started("j2");
  b.saved("/c/m.pt", "sig1", "j2");
  b.secured(true, "", "", "j2");
  b.gone(b.exit_record(0, {}, "j2"), true, "j2");
  REQUIRE(b.state("j2") == "done");
  b.durable();
  adopt(b.w);
  b.tick();
  CHECK(b.job("j1").begin_record == Work::issued);
  CHECK(b.job("j2").begin_record == Work::issued);
  CHECK(b.job("j2").end_record == Work::wanted); // after its begin
  REQUIRE(b.action<Secure>());
  CHECK(b.action<Secure>()->id == "j2");
}

TEST_CASE("without a durable directory no record of an earlier one is owed") {
  Bench b;
  b.durable();
  b.run();
  b.gone(b.exit_record(0));
  b.w.session.durable = false;
  b.w.heartbeat_due.reset();
  adopt(b.w);
  b.tick();
  CHECK(b.last.actions.empty());
  CHECK_FALSE(b.last.next_wakeup);
}

TEST_CASE("a request that is still open answers a second one, and the final one takes its place") {
  Bench b;
  b.session(1h);
  b.run();
  b.step(CheckpointAsked{"j1"});
  b.step(CheckpointAsked{"j1"}); // not even sent
  CHECK(b.job().request_wanted == 1);
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.step(CheckpointAsked{"j1"});
  CHECK(b.job().request_wanted == 1);
  b.record(journal::Requested{0, true, "USR1", {100}});
  CHECK(b.job().checkpoints.empty()); // nothing was left unanswered
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  b.step(CheckpointAsked{"j1"}); // answered: the next one is another
  CHECK(b.job().request_wanted == 2);
}

TEST_CASE("a job that starts may be asked already, and what an attempt never heard does not bar "
          "the next") {
  Bench b;
  b.step(Submitted{"j1", Bench::spec()});
  b.step(CheckpointAsked{"j1"});
  CHECK(b.job().request_wanted == 1);
  b.started();
  REQUIRE(b.action<SendRequest>());
  b.gone(b.exit_record(1)); // it died before it heard
  b.step(Resumed{"j1", Bench::spec()});
  b.started();
  CHECK_FALSE(b.action<SendRequest>());
  b.step(CheckpointAsked{"j1"});
  REQUIRE(b.action<SendRequest>());
  CHECK(b.action<SendRequest>()->number == 2);
}
