// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/step_end.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace gpujob::saving {

namespace {

double poisson_mass(double mean, int k) {
  return std::exp(k * std::log(mean) - mean - std::lgamma(k + 1.0));
}

double gamma_density(double shape, double scale, double x) {
  if (x <= 0) {
    return x == 0 && shape == 1 ? 1 / scale : 0;
  }
  return std::exp((shape - 1) * std::log(x / scale) - x / scale - std::lgamma(shape)) / scale;
}

/// E[g(T_1 + ... + T_n)] over sums in [0, most].
double over_sum(const Steps& steps, int n, double most, const std::function<double(double)>& g) {
  if (steps.law == Steps::Law::poisson) {
    double sum = 0;
    for (int k = 0; k <= most; ++k) {
      sum += poisson_mass(n * steps.first, k) * g(k);
    }
    return sum;
  }
  const auto density = [&](double x) {
    return steps.law == Steps::Law::normal
               ? normal_density((x - n * steps.first) / (steps.second * std::sqrt(n))) /
                     (steps.second * std::sqrt(n))
               : gamma_density(n * steps.first, steps.second, x);
  };
  return integrate([&](double x) { return density(x) * g(x); }, 0, most, 4000);
}

} // namespace

double Steps::mean() const {
  return law == Law::gamma ? first * second : first;
}

StaticSteps best_static_steps(const Steps& steps, const Latency& latency, double stake) {
  StaticSteps best{0, 0};
  const int most = static_cast<int>(2 * stake / steps.mean()) + 2;
  for (int n = 1; n <= most; ++n) {
    const double expected =
        over_sum(steps, n, stake, [&](double x) { return x * latency.cdf(stake - x); });
    if (expected > best.expected) {
      best = {n, expected};
    }
  }
  return best;
}

double save_threshold(const Steps& steps, const Latency& latency, double stake) {
  const auto now_over_later = [&](double work) {
    const double left = stake - work;
    const double later =
        over_sum(steps, 1, left, [&](double x) { return (work + x) * latency.cdf(left - x); });
    return work * latency.cdf(left) - later;
  };
  // Later is better at first. Both fall to nothing at the end: the first change of sign counts.
  constexpr int k_looks = 200;
  double before = 0;
  for (int i = 1; i <= k_looks; ++i) {
    const double work = stake * i / k_looks;
    if (now_over_later(work) >= 0) {
      return find_zero(now_over_later, before, work);
    }
    before = work;
  }
  return stake;
}

std::optional<double> best_step_end(const StepEnds& ends, const Latency& latency, double at_risk,
                                    double left) {
  // Five points of equal weight stand for a normal law.
  constexpr std::array<double, 5> k_points{-1.2816, -0.5244, 0, 0.5244, 1.2816};
  // Before this nearly every save comes in time: then the later end is the better one.
  const double spread = 4 * ends.sd * std::sqrt(std::max(left / ends.mean, 1.0));
  const double surely = left - latency.quantile(0.9999) - spread;
  const int from = std::max(0, static_cast<int>((surely - ends.first) / ends.mean) - 1);
  std::optional<double> best;
  double most = 0;
  for (int k = from; ends.first + k * ends.mean <= left; ++k) {
    const double at = ends.first + k * ends.mean;
    const double sd = ends.sd * std::sqrt(k + 1.0);
    double expected = 0;
    for (const double point : k_points) {
      const double t = std::max(at + sd * point, 0.0);
      expected += (at_risk + t) * latency.cdf(left - t) / k_points.size();
    }
    if (expected > most) {
      most = expected;
      best = at;
    }
  }
  return best;
}

} // namespace gpujob::saving
