// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/estimate.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gpujob::saving {

namespace {

/// A save that takes no time has no logarithm; a hundredth of a second is as good as none. What
/// comes from a file may be anything; nothing takes more than a year.
constexpr double k_least_seconds = 0.01, k_most_seconds = 366.0 * 86400;

double sane(double seconds) {
  return seconds > k_least_seconds ? std::min(seconds, k_most_seconds)
                                   : k_least_seconds; // NaN, too
}
/// Fewer values say nothing of a law's shape.
constexpr std::size_t k_shape_samples = 20;
/// Lilliefors' test at about one in a thousand: 1.22 / sqrt(n).
constexpr double k_misfit = 1.22;

struct Moments {
  double mean = 0;
  double squares = 0; ///< of the differences from it
};

Moments moments_of(std::span<const double> values) {
  Moments m;
  for (const double v : values) {
    m.mean += v / static_cast<double>(values.size());
  }
  for (const double v : values) {
    m.squares += (v - m.mean) * (v - m.mean);
  }
  return m;
}

std::vector<double> logarithms(std::span<const double> seconds) {
  std::vector<double> out;
  for (const double s : seconds) {
    out.push_back(std::log(sane(s)));
  }
  return out;
}

/// How far the values' shares lie from a lognormal law's at most, and no such law would have it so.
bool misfits(std::span<const double> seconds) {
  const auto n = static_cast<double>(seconds.size());
  if (seconds.size() < k_shape_samples) {
    return false;
  }
  auto logs = logarithms(seconds);
  std::sort(logs.begin(), logs.end());
  const auto [mean, squares] = moments_of(logs);
  const double sd = std::sqrt(squares / (n - 1));
  // Saves that all take the same time have a shape only below the resolution of what we measure.
  if (sd < 0.02) {
    return false;
  }
  double distance = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const double share = normal_cdf((logs[i] - mean) / sd);
    distance = std::max(
        {distance, share - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - share});
  }
  return distance > k_misfit / std::sqrt(n);
}

/// Few values and what was believed before: as if half a value more, the prior's, had been seen.
Latency predict_with(std::span<const double> seconds, double believed, double weight) {
  const auto logs = logarithms(seconds);
  const auto n = static_cast<double>(logs.size());
  const auto [mean, squares] = moments_of(logs);
  const double count = n + weight;
  const double location = (n * mean + weight * believed) / count;
  const double spread = squares + n * weight / count * (mean - believed) * (mean - believed);
  // Without a prior's value the location costs a degree of freedom.
  const double df = k_sigma_weight + n - (weight > 0 ? 0 : 1);
  const double variance = (k_sigma_weight * k_sigma * k_sigma + spread) / df;
  return Latency::log_student(location, std::sqrt(variance * (1 + 1 / count)), df);
}

Estimate estimate(const std::vector<double>& seconds, const SavePrior& prior) {
  const int n = static_cast<int>(seconds.size());
  constexpr int k_enough = 3;
  constexpr double k_prior_weight = 0.5;
  // The rule is a bound, not what is expected; with such a weight a third of it as the median makes
  // it the 0.9 quantile.
  constexpr double k_bound = 3;
  if (n < k_enough) {
    return {predict_with(seconds, std::log(sane(prior.seconds()) / k_bound), k_prior_weight), n,
            Estimate::Basis::prior};
  }
  if (misfits(seconds)) {
    return {Latency::empirical(seconds), n, Estimate::Basis::distribution_free};
  }
  return {predict(seconds), n, Estimate::Basis::history};
}

} // namespace

double SavePrior::seconds() const {
  return 3 * bytes / bytes_per_second + longest_step + 3;
}

const char* to_text(Estimate::Basis basis) {
  switch (basis) {
  case Estimate::Basis::prior:
    return "prior";
  case Estimate::Basis::history:
    return "history";
  case Estimate::Basis::distribution_free:
    return "distribution-free";
  }
  return "unknown";
}

Latency predict(std::span<const double> seconds) {
  return predict_with(seconds, 0, 0);
}

Estimate estimate_latency(std::span<const SaveSample> seen, const SavePrior& prior) {
  std::vector<double> seconds;
  for (const auto& s : seen) {
    seconds.push_back(sane(s.latency()));
  }
  return estimate(seconds, prior);
}

Estimate estimate_pause(std::span<const SaveSample> seen, const SavePrior& prior) {
  std::vector<double> seconds;
  for (const auto& s : seen) {
    seconds.push_back(sane(s.pause));
  }
  return estimate(seconds, prior);
}

} // namespace gpujob::saving
