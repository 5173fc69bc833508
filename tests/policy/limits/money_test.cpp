// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/money.h"
#include "tests/policy/limits/fixture.h"

using namespace gpujob;
using namespace gpujob::test;
using namespace gpujob::limits;

namespace {

Amount amount(const char* text) {
  return Amount::parse(text).value();
}

} // namespace

TEST_CASE("easyaiforum: 31 minutes at 5 an hour are two half hours, 5.00, and metered 2.58") {
  CHECK(cost({amount("5"), 30min, Rounding::up}, 31min).text() == "5.00");
  CHECK(cost({amount("5"), 30min, Rounding::down}, 31min).text() == "2.50");
  CHECK(cost({amount("5"), 1s, Rounding::up}, 31min).text(2) == "2.58");
}

TEST_CASE("easyaiforum: 100 GB cost 2 a day, unless that day's use came to 10") {
  const DailyFee disk{"disk 100 GB", amount("2"), amount("10"), {8, 0}};
  CHECK(fee(disk, amount("9.99")).text() == "2.00");
  CHECK(fee(disk, amount("10")).is_zero());
  CHECK(debited(disk, Day(2019, 8, 1), zone("Asia/Shanghai")) == at("2019-08-02T08:00:00+08:00"));
}

TEST_CASE("Onepanel: ten hours and their disk come to 3.039") {
  CHECK((cost({amount("0.29")}, 10h) + cost({amount("0.0139")}, 10h)).text() == "3.039");
}

TEST_CASE("FloydHub: 1801 s at 1.20 an hour come to 0.600333") {
  CHECK(cost({amount("1.20")}, 1801s).text() == "0.600333");
}

TEST_CASE("SageMaker: 24 h at 1.26 an hour come to 30.24") {
  CHECK(cost({amount("1.26")}, 24h).text() == "30.24");
}

TEST_CASE("each use begins its own quantum, and one that spans a day is charged once") {
  const Rate rate{amount("5"), 30min, Rounding::up};
  Usage u;
  u.add(use("2019-08-01T10:00:00+08:00", 5min));
  u.add(use("2019-08-01T11:00:00+08:00", 5min));
  u.add(use("2019-08-01T23:45:00+08:00", 40min));
  const auto day = [](int n) {
    const auto utc8 = zone("Asia/Shanghai");
    return Span{instant(Day(2019, 8, n), {}, utc8), instant(Day(2019, 8, n + 1), {}, utc8)};
  };
  CHECK(cost(rate, u, "gpu", day(1)).text() == "7.50");
  CHECK(cost(rate, u, "gpu", day(2)).text() == "2.50");
}

TEST_CASE("a balance lasts as long as its rate says, whole quanta only") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  Balance b{amount("10"), t, Rate{amount("4"), 30min, Rounding::up}};
  CHECK(look(b, {}, "gpu", false, t, OnExhausted::kill_now).left == 150min);
  Usage u;
  u.add({"s1", "gpu", {t, t + 10min}});
  // A half hour is paid for; of it 20 min are left, and four more can be paid.
  const auto h = look(b, u, "gpu", true, t + 10min, OnExhausted::kill_now);
  CHECK(h.left == 140min);
  CHECK(h.ends_session() == t + 150min);
}

TEST_CASE("what was used before the balance was read is in it already") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  const Balance b{amount("100"), t, Rate{amount("1.96")}};
  Usage u;
  u.add({"s1", "gpu", {t - 10h, t + 1h}});
  const auto h = look(b, u, "gpu", true, t + 1h, OnExhausted::unknown);
  CHECK(std::chrono::floor<std::chrono::minutes>(*h.left) == 3001min); // (100 - 1.96) / 1.96 h
}

TEST_CASE("a balance whose rate nobody knows is not known to last") {
  const auto t = at("2026-11-01T00:00:00+00:00");
  const auto h = look({amount("100"), t, std::nullopt}, {}, "gpu", true, t, OnExhausted::unknown);
  CHECK_FALSE(h.left);
  CHECK_FALSE(h.ends_session());
}

TEST_CASE("what costs nothing lasts for ever") {
  CHECK(affordable({Amount()}, amount("1")) == k_longest_span);
  CHECK(affordable({amount("1")}, Amount()) == 0s);
}
