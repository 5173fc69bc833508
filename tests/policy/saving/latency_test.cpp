// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/latency.h"
#include "daemon/policy/saving/special.h"
#include "tests/support/catch.h"

#include <cmath>
#include <vector>

using namespace gpujob::saving;

namespace {

std::vector<Latency> some_of_each() {
  return {Latency::fixed(7),
          Latency::uniform(1, 7.5),
          Latency::exponential(.5, 1, 20),
          Latency::exponential(.1),
          Latency::normal(60, 15),
          Latency::normal(5, 4, 0, 12),
          Latency::lognormal(30, .5),
          Latency::log_student(3.4, .6, 3),
          Latency::empirical({3, 4, 4.5, 9})};
}

} // namespace

TEST_CASE("a law's quantiles and probabilities invert each other", "[saving]") {
  for (const auto& c : some_of_each()) {
    for (const double p : {.01, .3, .5, .75, .99}) {
      const double x = c.quantile(p);
      CHECK(c.cdf(x + 1e-6) >= p - 1e-9);
      CHECK(c.cdf(x - 1e-6) <= p + 1e-9);
      CHECK(c.survival(x) == Approx(1 - c.cdf(x)));
    }
  }
}

TEST_CASE("a law's density is its probability's slope", "[saving]") {
  for (const auto& c : some_of_each()) {
    for (const double x : {2.3, 6.1, 41.0}) {
      if (c.density(x) > 0) {
        CHECK((c.cdf(x + 1e-5) - c.cdf(x - 1e-5)) / 2e-5 == Approx(c.density(x)).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("its cells hold the law's mass exactly, in order", "[saving]") {
  for (const auto& c : some_of_each()) {
    double mass = 0;
    double before = 0;
    for (const auto& cell : c.cells()) {
      mass += cell.mass;
      CHECK(cell.middle >= before);
      CHECK(c.cdf(cell.upper) == Approx(mass));
      before = cell.middle;
    }
    CHECK(mass <= 1 + 1e-12);
    CHECK(mass > 0.99);
  }
}

TEST_CASE("means are those of the laws, cut off at 0.999", "[saving]") {
  CHECK(Latency::fixed(7).mean() == Approx(7));
  CHECK(Latency::uniform(1, 8).mean() == Approx(4.5).epsilon(2e-3));
  CHECK(Latency::normal(60, 15).mean() == Approx(60).epsilon(2e-3));
  // Of exp(N(0, 1/4)) the part below z has the mean Phi(z - 1/2) / Phi(z) of the whole.
  const double whole = 30 * std::exp(.125);
  CHECK(Latency::lognormal(30, .5).mean() ==
        Approx(whole * normal_cdf(3.0902 - .5) / .999).epsilon(3e-3));
  CHECK(std::isfinite(Latency::log_student(3.4, .6, 3).mean()));
}

TEST_CASE("an empirical law promises no more than n of n+1, and ends", "[saving]") {
  const auto c = Latency::empirical({9, 3, 4}, 2);
  CHECK(c.cdf(3) == Approx(.25));
  CHECK(c.cdf(8.9) == Approx(.5));
  CHECK(c.cdf(9) == Approx(.75));
  CHECK(c.cdf(18) == 1);
}

TEST_CASE("a quantile is where the law says, however wide its tails are", "[saving]") {
  for (const double scale : {0.1, 0.5, 1.5, 2.0, 5.0}) {
    for (const double p : {0.01, 0.5, 0.9}) {
      const auto law = Latency::log_student(-1, scale, 3);
      INFO(scale << " " << p);
      CHECK(law.cdf(law.quantile(p)) == Approx(p).epsilon(1e-6));
    }
  }
}
