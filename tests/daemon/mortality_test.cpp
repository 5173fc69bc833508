// SPDX-License-Identifier: Apache-2.0
#include "daemon/mortality.h"
#include "tests/support/catch.h"

#include <chrono>

using namespace gpujob;
using namespace std::chrono_literals;

namespace {

const WallTime k_now = wall_from_ns(1'795'003'200'000'000'000);

/// Began `ago`, was heard of for `lived`, and expected to end after `cap`.
durable_requests::SessionUse session(Duration ago, Duration lived, std::optional<Duration> cap,
                                     bool closed = false) {
  durable_requests::SessionUse u;
  u.platform = "colab";
  u.use = {"vm", "gpu", {k_now - ago, k_now - ago + lived}};
  u.closed = closed;
  if (cap) {
    u.ends_at = k_now - ago + *cap;
  }
  return u;
}

policy::Session::Deaths count(const std::vector<durable_requests::SessionUse>& uses) {
  return count_deaths(uses, "colab", k_now, 3min);
}

} // namespace

TEST_CASE("a session that fell silent long before its end has died", "[mortality]") {
  const auto seen = count({session(48h, 2h, 12h), session(24h, 5h, 12h)});
  CHECK(seen.deaths == 2);
  CHECK(seen.lived == 7h);
  CHECK(seen.sessions == 2);
}

TEST_CASE("one that came to its end, closed, or still lives has not died", "[mortality]") {
  const auto seen = count({session(48h, 12h, 12h), session(36h, 11h + 55min, 12h),
                           session(24h, 1h, 12h, true), session(1h, 59min, 12h)});
  CHECK(seen.deaths == 0);
  CHECK(seen.sessions == 4);
  CHECK(seen.lived == 12h + 11h + 55min + 1h + 59min);
}

TEST_CASE("without an expected end every silent end is a death", "[mortality]") {
  CHECK(count({session(48h, 30h, {})}).deaths == 1);
}

TEST_CASE("other platforms tell nothing, and a session of no length either", "[mortality]") {
  auto other = session(48h, 2h, 12h);
  other.platform = "kaggle";
  CHECK(count({other, session(48h, 0s, 12h)}) == policy::Session::Deaths{});
}

TEST_CASE("each session's age is kept, and whether it died then", "[mortality]") {
  const auto seen = count({session(48h, 2h, 12h), session(24h, 12h, 12h)});
  REQUIRE(seen.lives.size() == 2);
  CHECK(seen.lives[0] == saving::Bathtub::Life{7200, true});
  CHECK(seen.lives[1] == saving::Bathtub::Life{43200, false});
}
