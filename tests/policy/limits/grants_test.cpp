// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/grants.h"
#include "tests/policy/limits/fixture.h"

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

namespace {

constexpr auto k_day = std::chrono::hours{24};

EarnRule daily() {
  return {"daily", 12h, 2 * k_day, 1};
}
EarnRule streak() {
  return {"streak5", 48h, 7 * k_day, 5};
}

/// Ten minutes at noon on these days of November 2026.
Usage days(const std::vector<int>& list) {
  Usage u;
  for (const int day : list) {
    const auto begin = instant(Day(2026, 11, day), {12, 0}, zone("Asia/Shanghai"));
    u.add({"s" + std::to_string(day), "gpu", {begin, begin + 10min}});
  }
  return u;
}

std::vector<Grant> earn(const EarnRule& rule, const Usage& u) {
  return earned(rule, u, "gpu", zone("Asia/Shanghai"), at("2027-01-01T00:00:00+00:00"));
}

} // namespace

TEST_CASE("AI Studio: run daily on days 1 to 5: five cards of 12 h, and 48 h on day 5") {
  const auto u = days({1, 2, 3, 4, 5});
  const auto cards = earn(daily(), u);
  REQUIRE(cards.size() == 5);
  for (const auto& card : cards) {
    CHECK(card.amount == 12h);
    CHECK(*card.expires - card.issued == 48h);
  }
  const auto bonus = earn(streak(), u);
  REQUIRE(bonus.size() == 1);
  CHECK(bonus[0].amount == 48h);
  CHECK(bonus[0].issued == at("2026-11-05T12:00:00+08:00"));
  CHECK(bonus[0].expires == at("2026-11-12T12:00:00+08:00"));
}

TEST_CASE("AI Studio: a missed day 3 begins the streak anew") {
  CHECK(earn(streak(), days({1, 2, 4, 5, 6, 7})).empty());
  CHECK(earn(streak(), days({1, 2, 4, 5, 6, 7, 8})).size() == 1);
  CHECK(earn(daily(), days({1, 2, 4})).size() == 3);
}

TEST_CASE("a streak that has earned begins anew") {
  CHECK(earn(streak(), days({1, 2, 3, 4, 5, 6, 7, 8, 9})).size() == 1);
  CHECK(earn(streak(), days({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})).size() == 2);
}

TEST_CASE("a run over midnight is one on both days, two runs of a day are one") {
  Usage u;
  u.add(use("2026-11-01T23:00:00+08:00", 2h));
  u.add(use("2026-11-02T05:00:00+08:00", 2h, "s2"));
  const auto cards = earn(daily(), u);
  REQUIRE(cards.size() == 2);
  CHECK(cards[1].issued == at("2026-11-02T00:00:00+08:00"));
}

TEST_CASE("what expires first is spent first, whoever gave it first") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  const std::vector<Grant> grants{{"application", 48h, t - k_day, t + 30 * k_day},
                                  {"daily", 12h, t, t + 2 * k_day},
                                  {"gift", 1h, t, std::nullopt}};
  Usage u;
  u.add({"s1", "gpu", {t, t + 15h}});
  const auto spent = spend(grants, {}, u, "gpu", t + 15h);
  REQUIRE(spent.left.size() == 2);
  CHECK(spent.left[0].kind == "application");
  CHECK(spent.left[0].amount == 45h);
  CHECK(spent.left[1].kind == "gift");
  CHECK(spent.uncovered == 0h);
}

TEST_CASE("FloydHub: plan, then free hours, then power-ups") {
  const auto t = at("2020-06-18T00:00:00+00:00");
  const SpendOrder order{{"plan", "free", "powerup"}};
  const std::vector<Grant> grants{{"powerup", 10h, t, t + 10 * k_day},
                                  {"free", 2h, t, t + 14 * k_day},
                                  {"plan", 3h, t, t + 20 * k_day}};
  Usage u;
  u.add({"s1", "gpu", {t, t + 4h}});
  const auto spent = spend(grants, order, u, "gpu", t + 4h);
  REQUIRE(spent.left.size() == 2);
  CHECK(spent.left[0].kind == "free");
  CHECK(spent.left[0].amount == 1h);
  CHECK(look(spent, order, true, t + 4h, OnExhausted::kill_now).ends_session() == t + 15h);
}

TEST_CASE("what expires in the middle of a use pays until then") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  const std::vector<Grant> grants{{"daily", 12h, t - 47h, t + 1h}, {"gift", 5h, t, std::nullopt}};
  Usage u;
  u.add({"s1", "gpu", {t, t + 3h}});
  const auto spent = spend(grants, {}, u, "gpu", t + 3h);
  REQUIRE(spent.left.size() == 1);
  CHECK(spent.left[0].amount == 3h);
}

TEST_CASE("a use that nobody pays for is told, and one before its grant is not paid by it") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  Usage u;
  u.add({"s1", "gpu", {t, t + 3h}});
  const auto spent = spend({{"gift", 5h, t + 2h, std::nullopt}}, {}, u, "gpu", t + 3h);
  CHECK(spent.uncovered == 2h);
  CHECK(spent.left[0].amount == 4h);
}

TEST_CASE("hours that will have expired before their turn comes are not there") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  const SpendOrder order{{"plan"}};
  const Spent spent{{{"plan", 5h, t, std::nullopt}, {"daily", 12h, t, t + 6h}}, {}};
  const auto h = look(spent, order, true, t, OnExhausted::unknown);
  CHECK(h.left == 6h);
  CHECK(h.ends_session() == t + 6h);
  CHECK(look({}, {}, true, t, OnExhausted::unknown).left == 0h);
}
