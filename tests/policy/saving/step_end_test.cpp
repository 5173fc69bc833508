// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/step_end.h"
#include "tests/support/catch.h"

using namespace gpujob::saving;

// [calc]: computed from THEORY's formulas, not with this code.

namespace {

constexpr Steps k_normal{Steps::Law::normal, 3, .5};
constexpr Steps k_gamma{Steps::Law::gamma, 1, .5};
constexpr Steps k_poisson{Steps::Law::poisson, 3};

} // namespace

TEST_CASE("T~N(3,.5), C~N(5,.4), R=30: n 7, E 20.9524, W 21.249 [calc]", "[saving]") {
  const auto best = best_static_steps(k_normal, Latency::normal(5, .4), 30);
  CHECK(best.steps == 7);
  CHECK(best.expected == Approx(20.9524).margin(5e-5));
  CHECK(save_threshold(k_normal, Latency::normal(5, .4), 30) == Approx(21.249).margin(5e-4));
  CHECK(save_threshold(k_normal, Latency::normal(5, .4), 29) == Approx(20.265).margin(5e-4));
}

TEST_CASE("T~Gamma(1,.5), C~N(2,.4), R=10: n 12, E 4.8100, W 6.443 [calc]", "[saving]") {
  const auto best = best_static_steps(k_gamma, Latency::normal(2, .4), 10);
  CHECK(best.steps == 12);
  CHECK(best.expected == Approx(4.8100).margin(5e-5));
  CHECK(save_threshold(k_gamma, Latency::normal(2, .4), 10) == Approx(6.443).margin(5e-4));
}

TEST_CASE("T~Poisson(3), C~N(5,.4), R=29: n 6, E 15.7832, W 18.860 [calc]", "[saving]") {
  const auto best = best_static_steps(k_poisson, Latency::normal(5, .4), 29);
  CHECK(best.steps == 6);
  CHECK(best.expected == Approx(15.7832).margin(5e-5));
  CHECK(save_threshold(k_poisson, Latency::normal(5, .4), 29) == Approx(18.860).margin(5e-4));
}

TEST_CASE("of steps that are alike the last save takes the last end in time", "[saving]") {
  // Steps end in 10, 70, ... 3550, 3610 s. A save of 12 s from the one at 3550 comes in time for
  // 3600, and not for 3560, where the one before it counts.
  const StepEnds ends{10, 60, 0};
  CHECK(*best_step_end(ends, Latency::fixed(12), 0, 3600) == Approx(3550));
  CHECK(*best_step_end(ends, Latency::fixed(12), 0, 3560) == Approx(3490));
  // A save that may take long is worth less work: N(60 s, 15 s) misses one in four at 3530 of 3600.
  CHECK(*best_step_end({30, 50, 0}, Latency::normal(60, 15), 0, 3600) == Approx(3480));
  // Little is at stake: the one that brings more on average, however often it fails.
  CHECK(*best_step_end({20, 60, 0}, Latency::normal(60, 15), 0, 140) == Approx(80));
  CHECK_FALSE(best_step_end({20, 60, 0}, Latency::fixed(12), 100, 15));
  CHECK_FALSE(best_step_end({20, 60, 0}, Latency::fixed(12), 100, 25));
}

TEST_CASE("as the static rule has it, when the steps vary", "[saving]") {
  // T~N(3,.5), C~N(5,.4), R=30: 7 steps.
  CHECK(*best_step_end({3, 3, .5}, Latency::normal(5, .4), 0, 30) == Approx(21));
}
