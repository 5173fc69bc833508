// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/special.h"
#include "tests/support/catch.h"

#include <cmath>
#include <numbers>

using namespace gpujob::saving;

// Reference values: Abramowitz and Stegun, tables 26.1 and 26.10; Corless et al. 1996.

TEST_CASE("the normal law has its published values, in both tails", "[saving]") {
  CHECK(normal_cdf(1.959963984540054) == Approx(0.975).epsilon(1e-12));
  CHECK(normal_cdf(-6) == Approx(9.865876450377018e-10).epsilon(1e-10));
  for (const double p : {1e-12, 1e-6, 0.025, 0.4, 0.5, 0.9, 0.999999}) {
    CHECK(normal_cdf(normal_quantile(p)) == Approx(p).epsilon(1e-10));
  }
  CHECK(integrate(normal_density, -9, 9, 400) == Approx(1).epsilon(1e-12));
}

TEST_CASE("Student's law has its published quantiles", "[saving]") {
  CHECK(student_cdf(12.7062, 1) == Approx(0.975).epsilon(1e-6));
  CHECK(student_cdf(3.4995, 7) == Approx(0.995).epsilon(1e-6));
  CHECK(student_cdf(-2.0452, 29) == Approx(0.025).epsilon(1e-4));
  CHECK(student_cdf(1.3, 1e7) == Approx(normal_cdf(1.3)).epsilon(1e-6));
  CHECK(integrate([](double t) { return student_density(t, 4.5); }, -3, 2, 200) ==
        Approx(student_cdf(2, 4.5) - student_cdf(-3, 4.5)).epsilon(1e-9));
}

TEST_CASE("Lambert's W inverts w e^w down to its branch point", "[saving]") {
  for (const double w : {-0.999, -0.9, -0.5, -0.1, -1e-4}) {
    CHECK(lambert_w0(w * std::exp(w)) == Approx(w).epsilon(1e-9));
  }
  CHECK(lambert_w0(-1 / std::numbers::e) == Approx(-1).epsilon(1e-6));
}

TEST_CASE("a maximum and a zero are found", "[saving]") {
  CHECK(maximize([](double x) { return -(x - 2) * (x - 2); }, 0, 7, 1e-6) == Approx(2));
  CHECK(find_zero([](double x) { return 8 - x * x * x; }, 0, 100) == Approx(2));
}

TEST_CASE("the incomplete beta function counts successes", "[saving]") {
  // At least 2 of 3 with 0.4: 3 * 0.4^2 * 0.6 + 0.4^3.
  CHECK(incomplete_beta(2, 2, .4) == Approx(.352));
  CHECK(incomplete_beta(5, 2, 0) == 0);
  CHECK(incomplete_beta(5, 2, 1) == 1);
}
