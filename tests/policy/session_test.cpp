// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// What is said of a job that got TERM, or was only asked for its last save, when the session
/// ended.
std::string said_of(Bench& b, bool term) {
  auto r = b.exit_record(term ? std::nullopt : std::optional(0),
                         term ? std::optional(15) : std::nullopt);
  r.final_requested = true;
  if (term) {
    r.term_sent = EndReason::session_limit;
  }
  b.gone(std::move(r));
  return reason_text(b.job());
}

} // namespace

TEST_CASE("of a job that a limit ended it is said which one") {
  Bench b;
  b.session(1h);
  b.run();
  b.pass(1h - 30s);
  CHECK(said_of(b, true) == "ended by the session's limit of 1h 00m");
}

TEST_CASE("of a job that ends when asked for its last save it is said by what") {
  Bench b;
  b.session(1h);
  b.run();
  b.pass(1h - 30s);
  CHECK(said_of(b, false) == "ended when asked for its last save (the session's limit of 1h 00m)");
}

TEST_CASE("of a job that a quota or a notice ended it is said, although it passes meanwhile") {
  for (const std::string by : {"the gpu quota", "a notice: preempted"}) {
    Bench b;
    b.session(10h);
    b.run();
    b.saved("/c/1.pt", "sig1");
    EndMoved moved{b.now.boot + 30s, b.now.boot + 27s, b.now.boot, by + " ends this session"};
    moved.by = by;
    b.step(moved);
    b.pass(20s);
    said_of(b, true); // its checkpoint is still being looked at
    b.step(EndMoved{b.now.boot + 30s, b.now.boot + 27s, {}, ""});
    b.secured();
    CHECK(reason_text(b.job()) == "ended by " + by);
  }
}

TEST_CASE("of a job that leaves after a save nobody says that it was its last") {
  Bench b;
  b.session(10h);
  b.run();
  b.job().state = Ending{b.exit_record(0), true, true, "the session's limit of 10h 00m"};
  b.tick();
  CHECK(reason_text(b.job()) == "ended after a save that it was to go on after");
}

TEST_CASE("an end that moves closer moves the plan at once, and watchers hear why") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(EndMoved{b.now.boot + 1h, b.now.boot + 1h, {}, "the gpu quota ends this session"});
  const auto* sent = b.action<SendPlan>();
  REQUIRE(sent);
  CHECK(*sent->plan.term_at < b.now.boot + 1h);
  CHECK(b.w.announcements.back().warning);
  CHECK(b.w.announcements.back().text == "the gpu quota ends this session");
}

TEST_CASE("what is left after a notice is shared out: request, TERM and KILL all fit in") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(EndMoved{b.now.boot + 30s, b.now.boot + 27s, b.now.boot, "preempted"});
  const auto* sent = b.action<SendPlan>();
  REQUIRE(sent);
  const auto& p = sent->plan;
  CHECK(*p.request_at == b.now.boot);
  CHECK(*p.term_at > b.now.boot + 15s);
  CHECK(*p.term_at + p.kill_grace < b.now.boot + 27s);
}

TEST_CASE("a notice that is far off leaves the usual lead") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(EndMoved{b.now.boot + 2h, b.now.boot + 2h, b.now.boot, "maintenance"});
  CHECK(*b.action<SendPlan>()->plan.request_at == b.now.boot + 2h - 120s);
}

TEST_CASE("a job that waits for a slot is refused when the end moves too close for it") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(Submitted{"j2", Bench::spec("k")});
  CHECK(b.state("j2") == "queued");
  b.step(EndMoved{b.now.boot + 30s, b.now.boot + 27s, b.now.boot, "preempted"});
  b.tick();
  CHECK(b.state("j2") == "parked");
}

TEST_CASE("a job is asked to save before the session may be taken for idle, once, and goes on") {
  Bench b;
  b.session(10h);
  b.run();
  const auto idle = b.now.boot + 20min;
  b.step(IdleExpected{idle, b.now.boot});
  CHECK_FALSE(b.action<SendRequest>());
  REQUIRE(b.last.next_wakeup);
  b.pass(*b.last.next_wakeup - b.now.boot);
  while (b.now.boot < idle - 120s) {
    b.tick();
    b.pass(*b.last.next_wakeup - b.now.boot);
  }
  b.tick();
  REQUIRE(b.action<SendRequest>());
  CHECK(b.w.announcements.back().warning);
  CHECK_FALSE(b.action<SendPlan>()); // nobody ends it
  b.pass(1s);
  b.tick();
  CHECK_FALSE(b.action<SendRequest>());
  b.step(IdleExpected{idle + 20s, b.now.boot}); // the same end, seen a little later
  CHECK_FALSE(b.action<SendRequest>());
}

TEST_CASE("an idle end that is nearer than a save takes is asked for at once") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(IdleExpected{b.now.boot + 10s, b.now.boot - 20min});
  CHECK(b.action<SendRequest>());
}

TEST_CASE("after activity the next idle end is another one") {
  Bench b;
  b.session(10h);
  b.run();
  b.step(IdleExpected{b.now.boot + 100s, b.now.boot - 20min});
  REQUIRE(b.action<SendRequest>());
  b.record(journal::Requested{1, false, "USR1", {}});
  b.save("/ckpt/1");
  b.pass(90s);
  b.step(IdleExpected{});
  b.pass(1h);
  b.step(IdleExpected{b.now.boot + 60s, b.now.boot - 20min});
  CHECK(b.action<SendRequest>());
}

TEST_CASE("a lead as long as the cap makes no short pause a save") {
  Bench b;
  b.session(10h);
  auto spec = Bench::spec();
  spec.lead = 30min;
  b.run(spec);
  for (int i = 0; i < 10; ++i) { // a cell every minute
    b.step(IdleExpected{b.now.boot + 20min, b.now.boot});
    CHECK_FALSE(b.action<SendRequest>());
    b.pass(1min);
    b.tick();
    CHECK_FALSE(b.action<SendRequest>());
  }
  b.pass(10min);
  b.tick();
  CHECK(b.action<SendRequest>());
}

TEST_CASE("when a save is wished for every running job is asked, and told why") {
  Bench b;
  b.w.slots = 2;
  b.run();
  b.run(Bench::spec("k"), "j2");
  b.step(SaveWished{"memory fills up"});
  CHECK(b.last.actions.size() >= 2);
  CHECK(b.action<SendRequest>());
  CHECK(b.job("j1").request_wanted == 1);
  CHECK(b.job("j2").request_wanted == 1);
  CHECK(b.w.announcements.back().warning);
}
