// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/zone.h"
#include "tests/policy/limits/fixture.h"

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

TEST_CASE("Kaggle's week on Saturday 2026-11-21 at 01:36 UTC began that midnight") {
  const auto week = week_of(at("2026-11-21T01:36:00+00:00"), Weekday::saturday, {}, zone("UTC"));
  CHECK(week.begin == at("2026-11-21T00:00:00+00:00"));
  CHECK(week.end == at("2026-11-28T00:00:00+00:00"));
}

TEST_CASE("Kaggle's week a second before midnight ends at that midnight") {
  const auto week = week_of(at("2026-11-20T23:59:59+00:00"), Weekday::saturday, {}, zone("UTC"));
  CHECK(week.begin == at("2026-11-14T00:00:00+00:00"));
  CHECK(week.end == at("2026-11-21T00:00:00+00:00"));
}

TEST_CASE("a week begins at its hour, not with its day") {
  const auto week =
      week_of(at("2026-11-21T07:59:59+08:00"), Weekday::saturday, {8, 0}, zone("Asia/Shanghai"));
  CHECK(week.begin == at("2026-11-14T08:00:00+08:00"));
  CHECK(week.end == at("2026-11-21T08:00:00+08:00"));
}

TEST_CASE("a week with a change of the clock is an hour shorter or longer") {
  const auto berlin = zone("Europe/Berlin");
  const auto spring = week_of(at("2026-03-28T12:00:00+01:00"), Weekday::monday, {}, berlin);
  CHECK(spring.end - spring.begin == 167h);
  const auto autumn = week_of(at("2026-10-24T12:00:00+02:00"), Weekday::monday, {}, berlin);
  CHECK(autumn.end - autumn.begin == 169h);
}

TEST_CASE("a time that is skipped is the instant of the skip, one that comes twice the first") {
  const auto berlin = zone("Europe/Berlin");
  CHECK(instant(Day(2026, 3, 29), {2, 30}, berlin) == at("2026-03-29T03:00:00+02:00"));
  CHECK(instant(Day(2026, 10, 25), {2, 30}, berlin) == at("2026-10-25T02:30:00+02:00"));
}

TEST_CASE("an anniversary on the 31st is the last day of a shorter month") {
  const auto utc = zone("UTC");
  const auto february = month_of(at("2027-02-10T00:00:00+00:00"), 31, {}, utc);
  CHECK(february.begin == at("2027-01-31T00:00:00+00:00"));
  CHECK(february.end == at("2027-02-28T00:00:00+00:00"));
  CHECK(month_of(february.end, 31, {}, utc).end == at("2027-03-31T00:00:00+00:00"));
  CHECK(month_of(at("2028-02-10T00:00:00+00:00"), 30, {}, utc).end ==
        at("2028-02-29T00:00:00+00:00"));
}

TEST_CASE("an anniversary over the turn of the year") {
  const auto span = month_of(at("2027-01-03T00:00:00+00:00"), 15, {}, zone("UTC"));
  CHECK(span.begin == at("2026-12-15T00:00:00+00:00"));
  CHECK(span.end == at("2027-01-15T00:00:00+00:00"));
}

TEST_CASE("an hour that belongs to two spans") {
  const Span a{at("2026-01-01T00:00:00+00:00"), at("2026-01-01T02:00:00+00:00")};
  const Span b{at("2026-01-01T01:00:00+00:00"), at("2026-01-01T03:00:00+00:00")};
  CHECK(overlap(a, b) == Span{b.begin, a.end});
  const Span later{b.end, b.end + 1h};
  const auto none = overlap(a, later);
  CHECK(none.begin == none.end);
}
