// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/limits/fixture.h"

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

TEST_CASE("what one session wrote down twice counts once, two sessions count twice") {
  Usage u;
  u.add(use("2026-11-21T01:00:00+00:00", 2h));
  u.add(use("2026-11-21T02:00:00+00:00", 2h));
  u.add(use("2026-11-21T02:00:00+00:00", 1h, "s2"));
  const Span day{at("2026-11-21T00:00:00+00:00"), at("2026-11-22T00:00:00+00:00")};
  CHECK(u.within("gpu", day) == 4h);
  CHECK(u.within("tpu", day) == 0h);
  CHECK(u.within("gpu", {day.begin, at("2026-11-21T02:30:00+00:00")}) == 2h);
  REQUIRE(u.of("gpu").size() == 2);
  CHECK(u.of("gpu")[0].when.end == at("2026-11-21T04:00:00+00:00"));
}

TEST_CASE("uses that touch are one, and one that holds the others swallows them") {
  Usage u;
  u.add(use("2026-11-21T03:00:00+00:00", 1h));
  u.add(use("2026-11-21T01:00:00+00:00", 1h));
  CHECK(u.of("gpu").size() == 2);
  u.add(use("2026-11-21T02:00:00+00:00", 1h));
  CHECK(u.of("gpu").size() == 1);
  u.add(use("2026-11-21T00:00:00+00:00", 10h));
  CHECK(u.of("gpu") == std::vector{use("2026-11-21T00:00:00+00:00", 10h)});
  u.add(use("2026-11-21T00:00:00+00:00", 0h));
  u.add(use("2026-11-21T00:00:00+00:00", -1h));
  CHECK(u.of("gpu").size() == 1);
}
