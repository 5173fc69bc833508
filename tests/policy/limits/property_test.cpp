// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/grants.h"
#include "daemon/policy/limits/money.h"
#include "daemon/policy/limits/window.h"
#include "tests/policy/limits/fixture.h"

#include <algorithm>
#include <functional>
#include <random>

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

namespace {

constexpr int k_rounds = 300;

struct Dice {
  std::mt19937 rng;

  explicit Dice(unsigned seed) : rng(seed) {}
  int upto(int n) { return std::uniform_int_distribution<int>(0, n)(rng); }
  Duration minutes(int most) { return std::chrono::minutes{upto(most)}; }

  Use use(WallTime begin, int days) {
    const auto at = begin + minutes(days * 1440);
    return {"s" + std::to_string(upto(4)), "gpu", {at, at + minutes(600)}};
  }
};

/// Every kind of limit over the same uses; by name.
struct Kinds {
  Dice& dice;
  Zone utc = zone("UTC"), berlin = zone("Europe/Berlin");
  WallTime begin = at("2026-03-20T00:00:00+00:00"); // a change of the clock comes on the 29th
  Window weekly{"gpu", std::chrono::hours{dice.upto(60)},
                WeeklyAnchor{Weekday::saturday, {0, 30}, berlin}, OnExhausted::kill_now};
  Window monthly{"gpu", std::chrono::hours{dice.upto(60)}, MonthlyAnchor{31, {}, utc},
                 OnExhausted::kill_now};
  Window rolling{"gpu", std::chrono::hours{dice.upto(20)}, RollingAnchor{24h},
                 OnExhausted::kill_now};
  std::vector<Grant> grants;
  Balance balance{
      Amount::parse(std::to_string(dice.upto(200))).value(), begin,
      Rate{Amount::parse("1.37").value(), std::chrono::minutes{1 + dice.upto(45)}, Rounding::up}};

  explicit Kinds(Dice& d) : dice(d) {
    for (int i = dice.upto(6); i > 0; --i) {
      const auto issued = begin + dice.minutes(5000);
      grants.push_back(
          {"g", dice.minutes(3000), issued,
           dice.upto(3) == 0 ? std::nullopt : std::optional(issued + dice.minutes(9000))});
    }
  }

  [[nodiscard]] std::vector<std::pair<std::string, Horizon>> look(const Usage& u, bool in_use,
                                                                  WallTime now) const {
    return {{"weekly", limits::look(weekly, u, in_use, now)},
            {"monthly", limits::look(monthly, u, in_use, now)},
            {"rolling", limits::look(rolling, u, in_use, now)},
            {"grants", limits::look(spend(grants, {}, u, "gpu", now), {}, in_use, now,
                                    OnExhausted::kill_now)},
            {"balance", limits::look(balance, u, "gpu", in_use, now, OnExhausted::kill_now)}};
  }
};

} // namespace

TEST_CASE("a horizon never moves later because time passed") {
  for (unsigned seed = 0; seed < k_rounds; ++seed) {
    Dice dice(seed);
    const Kinds kinds(dice);
    Usage u;
    for (int i = dice.upto(10); i > 0; --i) {
      u.add(dice.use(kinds.begin, 8));
    }
    const auto from = kinds.begin + std::chrono::hours{24 * 9};
    auto now = from;
    u.add({"running", "gpu", {from, now}});
    auto before = kinds.look(u, true, now);
    for (int i = 0; i < 20; ++i) {
      now += 1min + dice.minutes(90);
      u.add({"running", "gpu", {from, now}});
      const auto after = kinds.look(u, true, now);
      for (std::size_t k = 0; k < after.size(); ++k) {
        INFO(seed << " " << after[k].first << " at " << Catch::StringMaker<WallTime>::convert(now));
        const auto &was = before[k].second.runs_out, &is = after[k].second.runs_out;
        if (was && *was > now) {
          REQUIRE(is);
          CHECK(*is <= *was);
        }
      }
      before = after;
    }
  }
}

TEST_CASE("using more never increases what is left") {
  for (unsigned seed = 0; seed < k_rounds; ++seed) {
    Dice dice(seed);
    const Kinds kinds(dice);
    Usage u;
    const auto now = kinds.begin + std::chrono::hours{24 * 9};
    for (int i = 0; i < 12; ++i) {
      const auto before = kinds.look(u, false, now);
      // What begins a rolling period later than another one did may well leave more of it.
      const auto more = dice.use(kinds.begin, 8);
      u.add(more);
      const auto after = kinds.look(u, false, now);
      for (std::size_t k = 0; k < after.size(); ++k) {
        INFO(seed << " " << after[k].first);
        if (after[k].first != "rolling") {
          CHECK(*after[k].second.left <= *before[k].second.left);
        }
      }
    }
  }
}

TEST_CASE("going on never increases what is left of a rolling period") {
  for (unsigned seed = 0; seed < k_rounds; ++seed) {
    Dice dice(seed);
    const Kinds kinds(dice);
    const auto from = kinds.begin;
    auto last = kinds.rolling.amount;
    Usage u;
    for (auto now = from; now < from + 24h; now += 1min + dice.minutes(100)) {
      u.add({"s", "gpu", {from, now}});
      const auto left = *look(kinds.rolling, u, true, now).left;
      CHECK(left <= last);
      last = left;
    }
  }
}

TEST_CASE("two ledgers merged in any order are equal") {
  for (unsigned seed = 0; seed < k_rounds; ++seed) {
    Dice dice(seed);
    const auto begin = at("2026-03-20T00:00:00+00:00");
    std::vector<Usage> ledgers(3);
    std::vector<Use> all;
    for (int i = 0; i < 30; ++i) {
      const auto one = dice.use(begin, 3);
      all.push_back(one);
      ledgers[static_cast<std::size_t>(dice.upto(2))].add(one);
    }
    Usage there, back, one_by_one;
    for (const auto& ledger : ledgers) {
      there.add(ledger);
    }
    for (auto it = ledgers.rbegin(); it != ledgers.rend(); ++it) {
      back.add(*it);
      back.add(*it);
    }
    std::shuffle(all.begin(), all.end(), dice.rng);
    for (const auto& one : all) {
      one_by_one.add(one);
    }
    REQUIRE(there == back);
    REQUIRE(there == one_by_one);
  }
}
