// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/periodic.h"
#include "tests/support/catch.h"

using namespace gpujob::saving;

// [pub]: Daly 2006, figures 3 to 5. [calc]: computed from the formulas, not with this code.

namespace {

constexpr double k_minute = 60, k_hour = 3600;

Interruptions life(double mean_between) {
  return {.mean_between = mean_between, .save_cost = 5 * k_minute, .restart_cost = 10 * k_minute};
}

double minutes(double seconds) {
  return seconds / k_minute;
}

double hours_at_dalys(double mean_between) {
  const auto l = life(mean_between);
  return wall_time(l, 500 * k_hour, daly_interval(l)) / k_hour;
}

} // namespace

TEST_CASE("Daly's interval, M = 24 h: 117 min [pub], 116.690 [calc]", "[saving]") {
  CHECK(minutes(daly_interval(life(24 * k_hour))) == Approx(117).margin(0.5));
  CHECK(minutes(daly_interval(life(24 * k_hour))) == Approx(116.690).margin(5e-4));
}

TEST_CASE("Daly's interval, M = 6 h: 57 min [pub], 56.713 [calc]", "[saving]") {
  CHECK(minutes(daly_interval(life(6 * k_hour))) == Approx(57).margin(0.5));
  CHECK(minutes(daly_interval(life(6 * k_hour))) == Approx(56.713).margin(5e-4));
}

TEST_CASE("Daly's interval, M = 15 min: 9.1 min [pub], 9.141 [calc]", "[saving]") {
  CHECK(minutes(daly_interval(life(15 * k_minute))) == Approx(9.1).margin(0.05));
  CHECK(minutes(daly_interval(life(15 * k_minute))) == Approx(9.141).margin(5e-4));
}

TEST_CASE("the exact interval: 116.690, 56.714, 9.167 min [calc]", "[saving]") {
  CHECK(minutes(exact_interval(life(24 * k_hour))) == Approx(116.690).margin(5e-4));
  CHECK(minutes(exact_interval(life(6 * k_hour))) == Approx(56.714).margin(5e-4));
  CHECK(minutes(exact_interval(life(15 * k_minute))) == Approx(9.167).margin(5e-4));
}

TEST_CASE("Young's interval: 120, 60, 12.247 min [calc]", "[saving]") {
  CHECK(minutes(young_interval(life(24 * k_hour))) == Approx(120).margin(5e-4));
  CHECK(minutes(young_interval(life(6 * k_hour))) == Approx(60).margin(5e-4));
  CHECK(minutes(young_interval(life(15 * k_minute))) == Approx(12.247).margin(5e-4));
  CHECK(young_waste({.mean_between = 200, .save_cost = 1}) == Approx(0.1));
}

TEST_CASE("wall time at Daly's interval: 547.8818, 610.2164, 2504.165 h [calc]", "[saving]") {
  CHECK(hours_at_dalys(24 * k_hour) == Approx(547.8818).margin(5e-5));
  CHECK(hours_at_dalys(6 * k_hour) == Approx(610.2164).margin(5e-5));
  CHECK(hours_at_dalys(15 * k_minute) == Approx(2504.165).margin(5e-4));
}

TEST_CASE("no interval has less wall time than the exact one", "[saving]") {
  for (const double m : {900.0, 3600.0, 86400.0}) {
    const double best = exact_interval(life(m));
    for (const double factor : {0.5, 0.9, 0.99, 1.01, 1.1, 2.0}) {
      CHECK(wall_time(life(m), 1, best) < wall_time(life(m), 1, factor * best));
    }
  }
}

TEST_CASE("a save that costs more than two lives is made once in a life (Daly)", "[saving]") {
  CHECK(daly_interval({.mean_between = 100, .save_cost = 200}) == 100);
}

TEST_CASE("6 h cap, 5 min saves: every 60 min wastes 35, every 84 wastes 4 [pub]", "[saving]") {
  const auto hourly = even_saves(6 * k_hour, 5 * k_minute, 60 * k_minute);
  CHECK(hourly.saves == 5);
  CHECK(minutes(hourly.last_ends) == Approx(325));
  CHECK(minutes(hourly.wasted) == Approx(35));
  const auto four = even_saves(6 * k_hour, 5 * k_minute, 84 * k_minute);
  CHECK(four.saves == 4);
  CHECK(minutes(four.last_ends) == Approx(356));
  CHECK(minutes(four.wasted) == Approx(4));
}

TEST_CASE("four saves end with a 6 h cap when made every 85 min [calc]", "[saving]") {
  const double interval = interval_of_even_saves(6 * k_hour, 5 * k_minute, 4);
  CHECK(minutes(interval) == Approx(85));
  CHECK(even_saves(6 * k_hour, 5 * k_minute, interval).saves == 4);
  CHECK(even_saves(6 * k_hour, 5 * k_minute, interval).wasted == Approx(0).margin(1e-6));
}
