// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/session_start.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <ctime>

namespace gpujob {

using platform::find_session_start;
using platform::parse_session_start;
using platform::StartQuestion;
using test::at;
using test::FakeMachine;
using test::hours;
using test::minutes;

TEST_CASE("on a platform the session began with PID 1", "[platform]") {
  FakeMachine m;
  m.pid1("tini", minutes(10));
  const auto s = find_session_start(m.facts(), {true, hours(12), BootTime{hours(2)}}, at(hours(2)));
  CHECK(s.boot == BootTime{minutes(10)});
  CHECK(s.wall == at(minutes(10)).wall);
  CHECK(s.source == "pid1");
  CHECK(s.confidence == platform::Confidence::medium);
  REQUIRE(s.evidence.size() == 1);
  CHECK(s.evidence[0] == "/proc/1/stat: PID 1 started 1h 50m ago");
}

TEST_CASE("in a container of no known platform PID 1 is believed, less", "[platform]") {
  FakeMachine m;
  m.pid1("bash", minutes(10));
  const auto s = find_session_start(m.facts(), {false, {}, BootTime{hours(200)}}, at(hours(200)));
  CHECK(s.source == "pid1");
  CHECK(s.confidence == platform::Confidence::low);
}

TEST_CASE("a PID 1 older than the limit is no evidence: the daemon's start is taken",
          "[platform]") {
  FakeMachine m;
  m.pid1("tini", minutes(0));
  const auto s =
      find_session_start(m.facts(), {true, hours(12), BootTime{hours(13)}}, at(hours(14)));
  CHECK(s.boot == BootTime{hours(13)});
  CHECK(s.source == "daemon");
  REQUIRE(s.evidence.size() == 2);
  CHECK(s.evidence[0] == "/proc/1/stat: PID 1 started 14h 00m ago, longer than the limit of "
                         "12h 00m: no evidence");
}

TEST_CASE("on a machine of one's own the daemon's start is taken", "[platform]") {
  const auto s = find_session_start(FakeMachine().facts(), {false, hours(12), BootTime{hours(2)}},
                                    at(hours(3)));
  CHECK(s.boot == BootTime{hours(2)});
  CHECK(s.source == "daemon");
}

TEST_CASE("a start can be written in many ways", "[platform]") {
  ::setenv("TZ", "CET-1", 1); // an hour east of Greenwich, without summer time
  ::tzset();
  const auto now = at(hours(10)); // 2026-11-21 15:00 UTC, 16:00 local
  const auto parse = [&](const char* text) -> std::optional<Duration> {
    const auto start = parse_session_start(text, "--session-start", now);
    return start ? std::optional(now.boot - *start) : std::nullopt;
  };
  CHECK(parse("now") == hours(0));
  CHECK(parse("-30m") == minutes(30));
  CHECK(parse("30m ago") == minutes(30));
  CHECK(parse(" 1h30m ago ") == minutes(90));
  CHECK(parse("2026-11-21T14:00:00Z") == hours(1));
  CHECK(parse("2026-11-21T14:00:00.5Z") == minutes(60) - std::chrono::milliseconds{500});
  CHECK(parse("2026-11-21T15:00:00+01:00") == hours(1));
  CHECK(parse("2026-11-21T12:30:00-01:30") == hours(1));
  CHECK(parse("2026-11-21 15:00") == hours(1));
  CHECK(parse("2026-11-21 14:59:30") == minutes(60) + std::chrono::seconds{30});
  CHECK(parse("2026-11-20 16:00") == hours(24));
  CHECK(parse("15:00") == hours(1));
  CHECK(parse("15:00:30") == minutes(59) + std::chrono::seconds{30});
  CHECK(parse("1795269600") == hours(1));
  CHECK(parse("1795269600.25") == hours(1) - std::chrono::milliseconds{250});
  for (const char* bad :
       {"", "30m", "yesterday", "15", "25:00", "15:60", "5:00", "2026-02-30 10:00",
        "2026-11-21T14:00:00Zulu", "2026-11-21", "--30m", "ago", "1795269600x",
        "99999999999999999999", "2026-11-21 15:00 ago", "15:00."}) {
    INFO(bad);
    CHECK(!parse(bad));
  }
}

TEST_CASE("a start in the future or of weeks ago is refused", "[platform]") {
  const auto future = parse_session_start("2026-11-21T23:00:00Z", "--session-start", at(hours(10)));
  REQUIRE(future.has_error());
  CHECK(future.error().code == Errc::usage);
  CHECK(
      future.error().text.starts_with("--session-start: '2026-11-21T23:00:00Z': in the future: "));
  const auto old = parse_session_start("90", "--session-start", at(hours(10)));
  REQUIRE(old.has_error());
  CHECK(old.error().text ==
        "--session-start: '90': longer ago than any session lasts: at most 31d");
}

} // namespace gpujob
