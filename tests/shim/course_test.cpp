// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/course.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace std::chrono_literals;
using shim::Course;
using Act = shim::Course::Act;

namespace {

constexpr BootTime at(Duration d) {
  return BootTime{d};
}

/// Asked at 1000 s, TERM at 1060, KILL 10 s later, the platform ends at 1200.
Plan session_end() {
  Plan p;
  p.number = 1;
  p.request_at = at(1000s);
  p.term_at = at(1060s);
  p.hard_end = at(1200s);
  p.grace = 60s;
  p.kill_grace = 10s;
  return p;
}

Course started_at_zero(const Plan& plan) {
  Course c(plan, at(0s));
  c.caught(at(1s));
  return c;
}

} // namespace

TEST_CASE("A course asks, TERMs and KILLs at the planned instants") {
  auto c = started_at_zero(session_end());
  CHECK(c.next() == at(1000s));
  CHECK(c.due(at(999s)) == Act::none);
  REQUIRE(c.due(at(1000s)) == Act::request);
  c.request_sent(at(1000s));
  CHECK(c.due(at(1000s)) == Act::none);
  CHECK(c.next() == at(1060s));
  REQUIRE(c.due(at(1060s)) == Act::term);
  c.term_sent(at(1060s));
  CHECK(c.next() == at(1070s));
  REQUIRE(c.due(at(1070s)) == Act::kill);
  c.kill_sent(at(1070s));
  CHECK(c.due(at(5000s)) == Act::none);
  CHECK_FALSE(c.next());
}

TEST_CASE("A plan without instants asks for nothing and ends nothing") {
  Course c(Plan{}, at(0s));
  CHECK_FALSE(c.next());
  CHECK(c.due(at(100000s)) == Act::none);
}

TEST_CASE("A late wake-up keeps the spacing of request, TERM and KILL") {
  auto plan = session_end();
  plan.hard_end = at(10000s);
  auto c = started_at_zero(plan);
  REQUIRE(c.due(at(3000s)) == Act::request);
  c.request_sent(at(3000s));
  CHECK(c.due(at(3000s)) == Act::none);
  CHECK(c.term_at() == at(3060s));
  // TERM comes late as well: KILL counts from when it was really sent.
  c.term_sent(at(3100s));
  CHECK(c.kill_at() == at(3110s));
}

TEST_CASE("A late request does not move TERM past the hard end less the kill grace") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1150s));
  CHECK(c.term_at() == at(1190s));
}

TEST_CASE("Woken after the hard end, all is due at once and in order") {
  auto c = started_at_zero(session_end());
  REQUIRE(c.due(at(1300s)) == Act::request);
  c.request_sent(at(1300s));
  REQUIRE(c.due(at(1300s)) == Act::term);
  c.term_sent(at(1300s));
  CHECK(c.kill_at() == at(1300s));
  CHECK(c.due(at(1300s)) == Act::kill);
}

TEST_CASE("KILL is not put off past the hard end") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  c.term_sent(at(1195s));
  CHECK(c.kill_at() == at(1200s));
}

TEST_CASE("Without a request TERM comes at its instant, whatever the grace") {
  auto plan = session_end();
  plan.request_at.reset();
  auto c = started_at_zero(plan);
  CHECK(c.due(at(1060s)) == Act::term);
}

TEST_CASE("A saved job need not be given the grace") {
  auto plan = session_end();
  auto c = started_at_zero(plan);
  c.request_sent(at(1000s));
  plan.saved = true;
  plan.term_at = at(1005s);
  c.set_plan(plan, at(1004s));
  CHECK(c.term_at() == at(1005s));
}

TEST_CASE("The first request waits for the first catch, for ten seconds at most") {
  auto plan = session_end();
  plan.request_at = at(100s);
  plan.term_at = at(160s);
  Course c(plan, at(99s));
  CHECK(c.request_at() == at(109s));
  CHECK(c.term_at() == at(169s)); // the grace counts from the request that is really sent
  SECTION("a catch before the instant makes it punctual") {
    c.caught(at(99500ms));
    CHECK(c.request_at() == at(100s));
    CHECK(c.term_at() == at(160s));
  }
  SECTION("a later catch releases it") {
    c.caught(at(104s));
    CHECK(c.request_at() == at(104s));
  }
  SECTION("only the first catch counts") {
    c.caught(at(103s));
    c.caught(at(108s));
    CHECK(c.request_at() == at(103s));
  }
}

TEST_CASE("A new plan whose request lies in the past asks at once") {
  Course c(Plan{}, at(0s));
  c.set_plan(session_end(), at(1500s));
  CHECK(c.due(at(1500s)) == Act::request);
}

TEST_CASE("A job that was asked for the last time is not asked again") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  auto again = session_end();
  again.number = 2;
  SECTION("by the same plan") {}
  SECTION("by one computed a little later") {
    again.request_at = at(1003s);
  }
  SECTION("by a stop") {
    again.reason = EndReason::stop;
    again.request_at = at(1001s);
    again.term_at = at(1031s);
  }
  c.set_plan(again, at(1002s));
  CHECK_FALSE(c.request_at());
  CHECK(c.due(at(1002s)) == Act::none);
}

TEST_CASE("A deadline that moved away asks again when it comes") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  auto longer = session_end();
  longer.request_at = at(8000s);
  longer.term_at = at(8060s);
  longer.hard_end = at(8200s);
  c.set_plan(longer, at(1010s));
  CHECK(c.request_at() == at(8000s));
  CHECK(c.term_at() == at(8060s));
}

TEST_CASE("After TERM no plan takes the KILL back or asks for a checkpoint") {
  auto c = started_at_zero(session_end());
  c.term_sent(at(1060s));
  Plan none;
  none.kill_grace = 10s;
  none.request_at = at(1061s);
  c.set_plan(none, at(1061s));
  CHECK_FALSE(c.request_at());
  CHECK(c.due(at(1070s)) == Act::kill);
}

TEST_CASE("An extension moves TERM, never past the hard end less the kill grace") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  CHECK(c.extend(90s, at(1010s)) == at(1100s));
  CHECK(c.extend(1000s, at(1020s)) == at(1190s));
  CHECK(c.term_at() == at(1190s));
}

TEST_CASE("An extension never shortens and says when it changed nothing") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  CHECK_FALSE(c.extend(1s, at(1010s)));
  CHECK(c.term_at() == at(1060s));
}

TEST_CASE("Without a hard end extensions add up to an hour at most") {
  auto plan = session_end();
  plan.hard_end.reset();
  auto c = started_at_zero(plan);
  c.request_sent(at(1000s));
  CHECK(c.extend(Duration::max(), at(1010s)) == at(1060s + 1h));
  CHECK_FALSE(c.extend(Duration::max(), at(2000s)));
}

TEST_CASE(
    "An extension outlives the same plan sent again, and ends with one that asks for nothing") {
  auto c = started_at_zero(session_end());
  c.request_sent(at(1000s));
  REQUIRE(c.extend(90s, at(1010s)));
  c.set_plan(session_end(), at(1015s));
  CHECK(c.term_at() == at(1100s));
  Plan now;
  now.reason = EndReason::stop;
  now.term_at = at(1020s);
  c.set_plan(now, at(1020s));
  CHECK(c.due(at(1020s)) == Act::term);
}

TEST_CASE("There is nothing to extend without a TERM to come") {
  Course c(Plan{}, at(0s));
  CHECK_FALSE(c.extend(10s, at(1s)));
  auto d = started_at_zero(session_end());
  d.term_sent(at(1060s));
  CHECK_FALSE(d.extend(10s, at(1061s)));
}
