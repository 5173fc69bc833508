// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/step_end.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
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

} // namespace gpujob::saving
