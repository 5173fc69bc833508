// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

TEST_CASE("without a limit nothing is planned") {
  Bench b;
  b.run();
  const auto p = desired_plan(b.w, b.job());
  CHECK_FALSE(p.request_at);
  CHECK_FALSE(p.term_at);
}

TEST_CASE("request, TERM and KILL all lie before the planned end, in this order") {
  Bench b;
  b.session(1h, 5min);
  b.run();
  const auto p = desired_plan(b.w, b.job());
  CHECK(*p.request_at == *b.w.session.plan_end - 120s);
  CHECK(*p.term_at == *p.request_at + p.grace);
  CHECK(*p.term_at + p.kill_grace < *b.w.session.plan_end);
  CHECK(p.hard_end == b.w.session.ends_at);
}

TEST_CASE("the job is launched with the plan it needs") {
  Bench b;
  b.session(1h);
  b.step(Submitted{"j1", Bench::spec()});
  const auto* launch = b.action<Launch>();
  REQUIRE(launch);
  CHECK(same_course(launch->plan, desired_plan(b.w, b.job())));
  b.record(journal::Started{1});
  CHECK_FALSE(b.action<SendPlan>());
}

TEST_CASE("stop of a job that catches a signal asks for a checkpoint first") {
  Bench b;
  b.run();
  b.record(journal::Catches{"USR1", 100});
  b.step(StopAsked{"j1", false});
  const auto* sent = b.action<SendPlan>();
  REQUIRE(sent);
  CHECK(sent->plan.reason == EndReason::stop);
  CHECK(sent->plan.request_at == b.now.boot);
  CHECK(*sent->plan.term_at > b.now.boot);
}

TEST_CASE("stop of a job that cannot answer, or stop --now, sends TERM at once") {
  Bench b;
  b.run();
  b.step(StopAsked{"j1", false});
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.term_at == b.now.boot);
  Bench c;
  c.run();
  c.record(journal::Catches{"USR1", 100});
  c.step(StopAsked{"j1", true});
  REQUIRE(c.action<SendPlan>());
  CHECK(c.action<SendPlan>()->plan.term_at == c.now.boot);
  CHECK_FALSE(c.action<SendPlan>()->plan.request_at);
}

TEST_CASE("a stop late in the session does not move the session's own plan back") {
  Bench b;
  b.session(200s);
  b.run();
  b.record(journal::Catches{"USR1", 100});
  b.pass(190s);
  b.step(StopAsked{"j1", false});
  const auto p = desired_plan(b.w, b.job());
  CHECK(*p.term_at + p.kill_grace <= *b.w.session.plan_end);
}

TEST_CASE("once the final checkpoint is safe, TERM goes out at once and only once") {
  Bench b;
  b.session(1h);
  b.run();
  b.pass(1h - 120s);
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.pass(5s);
  b.saved("/c/m.pt", "sig1");
  b.secured(true);
  const auto* sent = b.action<SendPlan>();
  REQUIRE(sent);
  CHECK(sent->plan.saved);
  CHECK(*sent->plan.term_at == b.now.boot);
  b.pass(1s);
  b.tick();
  CHECK_FALSE(b.action<SendPlan>());
}

TEST_CASE("with a durable directory, safe means durable") {
  Bench b;
  b.session(1h);
  b.durable();
  b.run();
  b.pass(1h - 120s);
  b.record(journal::Requested{0, true, "USR1", {100}});
  b.saved("/c/m.pt", "sig1");
  b.secured(true, "", "no space left");
  CHECK_FALSE(b.action<SendPlan>());
  b.pass(5s);
  b.tick();
  REQUIRE(b.action<Secure>());
  b.secured(true, "stored");
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.saved);
}

TEST_CASE("a start that cannot be worth it is refused with its figures") {
  Bench b;
  b.session(20min);
  CHECK_FALSE(start_refusal(b.w, Bench::spec(), {}, b.now));
  b.pass(18min);
  const auto why = start_refusal(b.w, Bench::spec(), {}, b.now);
  REQUIRE(why);
  CHECK(*why == "only 2m 00s of the session are left, and a start needs 2m 10s");
  b.pass(3min);
  CHECK(start_refusal(b.w, Bench::spec(), {}, b.now)->starts_with("the session is over"));
}
