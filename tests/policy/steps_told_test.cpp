// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/steps_told.h"
#include "tests/support/catch.h"

#include <chrono>

using namespace gpujob;
using namespace gpujob::policy;
using namespace std::chrono_literals;

namespace {

constexpr BootTime k_start{1000s};

StepsTold told(std::initializer_list<Duration> at) {
  StepsTold steps;
  for (const auto d : at) {
    steps.tell(k_start + d);
  }
  return steps;
}

} // namespace

TEST_CASE("what is left of a step when a save is asked for lasts until its end") {
  const auto steps = told({0s, 10s, 20s, 30s});
  CHECK(steps.rest_of_step(k_start + 13s, k_start + 25s) == 7);
  // It answered before the step was over: it does not wait for one.
  CHECK_FALSE(steps.rest_of_step(k_start + 13s, k_start + 19s));
  // Asked after the last one that was told of, or so early that one may have been forgotten.
  CHECK_FALSE(steps.rest_of_step(k_start + 31s, k_start + 99s));
  CHECK_FALSE(steps.rest_of_step(k_start - 1s, k_start + 99s));
  CHECK_FALSE(StepsTold{}.rest_of_step(k_start, k_start + 1s));
}

TEST_CASE("steps that are alike have a rhythm") {
  const auto rhythm = told({0s, 10s, 21s, 30s, 40s, 51s}).rhythm();
  REQUIRE(rhythm);
  CHECK(rhythm->mean == Approx(10.2));
  CHECK(rhythm->sd < 1);
  CHECK(rhythm->last == k_start + 51s);
}

TEST_CASE("a few steps, scattered ones and short ones have none") {
  CHECK_FALSE(told({0s, 10s, 20s, 30s, 40s}).rhythm());
  CHECK_FALSE(told({0s, 10s, 40s, 41s, 70s, 75s}).rhythm());
  CHECK_FALSE(told({0s, 1s, 2s, 3s, 4s, 5s, 6s}).rhythm());
}

TEST_CASE("only the newest steps are kept, and a clock that stands still tells of none") {
  StepsTold steps;
  for (int i = 0; i < 1000; ++i) {
    steps.tell(k_start + i * 10s);
    steps.tell(k_start + i * 10s);
  }
  CHECK(steps.ends.size() == 64);
  CHECK(steps.ends.back() == k_start + 9990s);
  CHECK(steps.rhythm()->mean == Approx(10));
}
