// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/final_save.h"
#include "tests/support/catch.h"

#include <array>
#include <cmath>

using namespace gpujob::saving;

// [calc]: computed from the formulas of Barbut et al. (FTXS 2023), not with this code.

namespace {

constexpr double k_hour = 3600;

void check(const FinalSave& found, double lead, double expected, double digit) {
  CHECK(found.lead == Approx(lead).margin(digit));
  CHECK(found.expected == Approx(expected).margin(digit));
}

} // namespace

TEST_CASE("uniform, R=10, a=1, b=7.5: X 5.5, E 3.11538 [calc]", "[saving]") {
  check(best_final_save(Latency::uniform(1, 7.5), 10), 5.5, 3.11538, 5e-6);
}

TEST_CASE("uniform, R=10, a=1, b=5: X 5, E 5 [calc]", "[saving]") {
  check(best_final_save(Latency::uniform(1, 5), 10), 5, 5, 5e-6);
}

TEST_CASE("exponential, R=10, a=1, b=5, rate .5: X 3.817662, E 5.402321 [calc]", "[saving]") {
  check(best_final_save(Latency::exponential(.5, 1, 5), 10), 3.817662, 5.402321, 5e-7);
}

TEST_CASE("exponential, R=10, a=1, b=5, rate 2: X 2.392941, E 7.140291 [calc]", "[saving]") {
  check(best_final_save(Latency::exponential(2, 1, 5), 10), 2.392941, 7.140291, 5e-7);
}

TEST_CASE("exponential, R=100, a=1, b=20, rate .5: X 8.685653, E 89.363902 [calc]", "[saving]") {
  check(best_final_save(Latency::exponential(.5, 1, 20), 100), 8.685653, 89.363902, 5e-7);
}

TEST_CASE("exponential with a huge stake does not overflow", "[saving]") {
  const auto best = best_final_save(Latency::exponential(5), 1e6);
  CHECK(std::isfinite(best.lead));
  CHECK(best.lead == Approx(3).epsilon(0.2)); // ln(5e6) / 5
}

TEST_CASE("N(60 s,15 s): R=9 h 115.136 s, miss 1.19e-4, R=12 h 116.301 s [calc]", "[saving]") {
  const auto nine = best_final_save(Latency::normal(60, 15), 9 * k_hour);
  CHECK(nine.lead == Approx(115.136).margin(1e-3));
  CHECK(nine.miss == Approx(1.19e-4).margin(5e-7));
  CHECK(best_final_save(Latency::normal(60, 15), 12 * k_hour).lead == Approx(116.301).margin(1e-3));
  CHECK(approximate_normal_lead(60, 15, 9 * k_hour) == Approx(115.1).margin(0.3));
}

TEST_CASE("N(3.5,1) cut to [1,6], R=10: X 4.79609, E 4.72302 [calc]", "[saving]") {
  check(best_final_save(Latency::normal(3.5, 1, 1, 6), 10), 4.79609, 4.72302, 5e-6);
}

TEST_CASE("lognormal, R=9 h: 30 s, .5: 149.29 s, 60 s, .3: 163.3 s [calc]", "[saving]") {
  CHECK(best_final_save(Latency::lognormal(30, .5), 9 * k_hour).lead ==
        Approx(149.29).margin(5e-3));
  CHECK(best_final_save(Latency::lognormal(60, .3), 9 * k_hour).lead == Approx(163.3).margin(0.05));
}

TEST_CASE("the stake decides: N(60,15), X 88.1 / 97.2 / 105.2 / 115.1 s [calc]", "[saving]") {
  struct Row {
    double stake, lead, miss, digit;
  };
  for (const auto& row : {Row{300, 88.1, 3.0e-2, 5e-4}, Row{900, 97.2, 6.6e-3, 5e-5},
                          Row{3600, 105.2, 1.3e-3, 5e-5}, Row{32400, 115.1, 1.2e-4, 5e-6}}) {
    const auto best = best_final_save(Latency::normal(60, 15), row.stake);
    CHECK(best.lead == Approx(row.lead).margin(0.05));
    CHECK(best.miss == Approx(row.miss).margin(row.digit));
  }
}

TEST_CASE("an end that is not sharp: 913 s, 3 823 s, 6 203 s early [calc]", "[saving]") {
  const auto lead = [](double sd) {
    return best_final_save(Latency::normal(60, 15), 12 * k_hour, sd).lead;
  };
  CHECK(lead(300) == Approx(913).margin(0.5));
  CHECK(lead(1800) == Approx(3823).margin(0.5));
  CHECK(lead(3600) == Approx(6203).margin(0.5));
}

namespace {

struct Cost {
  double seconds, miss;
};

struct CostRow {
  double median;
  Cost slurm, torch;          ///< leads of 60 and 90 s
  double p99, three_sd, best; ///< seconds
  double best_lead;
  double best_miss;
};

/// R = 9 h, C lognormal, sigma .5.
constexpr std::array<CostRow, 4> k_costs{{
    {10, {65, 2e-4}, {90, 0}, 356, 527, 65, 58, 2e-4},
    {30, {2739, .083}, {542, .014}, 419, 585, 171, 150, 7e-4},
    {60, {16230, .50}, {6833, .21}, 514, 672, 312, 271, 1.3e-3},
    {120, {29721, .92}, {23272, .72}, 704, 846, 568, 490, 2.5e-3},
}};

} // namespace

TEST_CASE("what fixed leads cost, R = 9 h, lognormal sigma .5 [calc]", "[saving]") {
  constexpr double k_stake = 9 * k_hour;
  for (const auto& row : k_costs) {
    const auto c = Latency::lognormal(row.median, .5);
    const auto loss = [&](double lead) { return k_stake - final_save(c, k_stake, lead).expected; };
    const double mean = row.median * std::exp(.125);
    const double sd = mean * std::sqrt(std::expm1(.25));
    INFO("median " << row.median);
    CHECK(loss(60) == Approx(row.slurm.seconds).margin(0.5));
    CHECK(final_save(c, k_stake, 60).miss == Approx(row.slurm.miss).margin(5e-3));
    CHECK(loss(90) == Approx(row.torch.seconds).margin(0.5));
    CHECK(final_save(c, k_stake, 90).miss == Approx(row.torch.miss).margin(5e-3));
    CHECK(loss(c.quantile(.99)) == Approx(row.p99).margin(0.5));
    CHECK(loss(mean + 3 * sd) == Approx(row.three_sd).margin(0.5));
    const auto best = best_final_save(c, k_stake);
    // The table's leads were found in steps: 57.41, 149.29 (as above), 271.16 and 489.57 are exact.
    // The losses, which are flat there, agree to the digit.
    CHECK(best.lead == Approx(row.best_lead).margin(0.75));
    CHECK(k_stake - best.expected == Approx(row.best).margin(0.5));
    CHECK(best.miss == Approx(row.best_miss).margin(5e-5));
    CHECK(loss(c.quantile(.99)) > k_stake - best.expected);
  }
}

TEST_CASE("p99 of 10 s and mean + 3 sd lose all with 1e-2 and 1.5e-2 [calc]", "[saving]") {
  const auto c = Latency::lognormal(10, .5);
  const double mean = 10 * std::exp(.125);
  CHECK(final_save(c, 32400, c.quantile(.99)).miss == Approx(1e-2).margin(5e-4));
  CHECK(final_save(c, 32400, mean * (1 + 3 * std::sqrt(std::expm1(.25)))).miss ==
        Approx(1.5e-2).margin(5e-4));
}

TEST_CASE("no other lead brings more, whatever the law", "[saving]") {
  for (const auto& c : {Latency::lognormal(30, .5), Latency::log_student(3.4, .6, 4),
                        Latency::normal(60, 15), Latency::exponential(.05, 10),
                        Latency::uniform(5, 50), Latency::empirical({11, 12, 14, 14.5, 19, 40})}) {
    for (const double stake : {120.0, 3600.0, 43200.0}) {
      const auto best = best_final_save(c, stake);
      for (double lead = 1; lead < stake; lead *= 1.07) {
        CHECK(final_save(c, stake, lead).expected <= best.expected * (1 + 1e-9));
      }
    }
  }
}
