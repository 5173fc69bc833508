// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/estimate.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>
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

/// What is believed of a time before it was measured: that it is about so long, as much as so many
/// values would say it.
struct Belief {
  double seconds;
  double weight;
};

/// The rule of a prior is a bound, not what is expected; with such a weight a third of it as the
/// median makes it the 0.9 quantile.
Belief belief_of(double bound) {
  return {sane(bound) / 3, 0.5};
}

constexpr int k_enough = 3;

Estimate estimate(const std::vector<double>& seconds, const Belief& before) {
  const int n = static_cast<int>(seconds.size());
  if (n < k_enough) {
    return {predict_with(seconds, std::log(sane(before.seconds)), before.weight), n,
            Estimate::Basis::prior, n};
  }
  if (misfits(seconds)) {
    return {Latency::empirical(seconds), n, Estimate::Basis::distribution_free, n};
  }
  return {predict(seconds), n, Estimate::Basis::history, n};
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Saves from before the parts were told apart have the usual share of the verification in what
/// they took here, lest it be missing there.
std::vector<double> times_on_vm(std::span<const SaveSample> seen) {
  std::vector<double> verified;
  for (const auto& s : seen) {
    if (s.verify) {
      verified.push_back(sane(*s.verify));
    }
  }
  const double usual = verified.empty() ? 0 : median_of(verified);
  std::vector<double> out;
  for (const auto& s : seen) {
    out.push_back(sane(s.verify ? s.on_vm() : s.pause + std::min(usual, sane(s.copy))));
  }
  return out;
}

double freedom_of(const Latency& law) {
  const auto* student = std::get_if<Latency::LogStudent>(&law.law());
  return student == nullptr ? k_sigma_weight : student->df;
}

/// The law of the sum of two times that know nothing of each other: that of its kind which has the
/// same median and the same 0.9 quantile.
Latency sum_of(const Latency& a, const Latency& b) {
  std::vector<std::pair<double, double>> sums; // seconds, mass
  const auto others = b.cells();
  for (const auto& one : a.cells()) {
    for (const auto& other : others) {
      sums.emplace_back(one.middle + other.middle, one.mass * other.mass);
    }
  }
  std::sort(sums.begin(), sums.end());
  const auto quantile = [&](double p) {
    double below = 0;
    for (const auto& [seconds, mass] : sums) {
      below += mass;
      if (below >= p) {
        return sane(seconds);
      }
    }
    return sane(sums.back().first);
  };
  constexpr double k_body = 0.9;
  const double median = quantile(0.5);
  const double df = std::min(freedom_of(a), freedom_of(b));
  const double unit = std::log(Latency::log_student(0, 1, df).quantile(k_body));
  return Latency::log_student(std::log(median), std::log(quantile(k_body) / median) / unit, df);
}

/// With so many of its own the storage needs nobody else's: their whole latencies are a history,
/// and what its parts have to do with each other is in it.
constexpr int k_of_its_own = 8;

bool went_to(const SaveSample& s, std::string_view storage) {
  return storage.empty() || s.storage == storage;
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

double SaveSample::on_vm() const {
  return pause + (verify ? std::clamp(*verify, 0.0, std::max(copy, 0.0)) : 0);
}

std::optional<double> measured_bandwidth(std::span<const SaveSample> seen,
                                         std::string_view storage) {
  std::vector<double> speeds;
  for (const auto& s : seen) {
    // What is over in no time was not copied: it was there already.
    constexpr double k_measurable = 0.1;
    if (!storage.empty() && s.storage == storage && s.bytes > 0 && s.transfer() > k_measurable) {
      speeds.push_back(s.bytes / s.transfer());
    }
  }
  return speeds.empty() ? std::nullopt : std::optional(median_of(std::move(speeds)));
}

Estimate estimate_transfer(std::span<const SaveSample> seen, const SavePrior& prior,
                           std::string_view storage) {
  std::vector<double> here, somewhere;
  for (const auto& s : seen) {
    if (went_to(s, storage)) {
      here.push_back(sane(s.transfer()));
    } else if (s.storage.empty()) {
      somewhere.push_back(sane(s.transfer()));
    }
  }
  auto before = belief_of(3 * prior.bytes / prior.bytes_per_second);
  if (!somewhere.empty()) {
    before = {median_of(somewhere), std::min(2.0, static_cast<double>(somewhere.size()) / 2)};
  }
  return estimate(here, before);
}

Estimate estimate_latency(std::span<const SaveSample> seen, const SavePrior& prior,
                          std::string_view storage) {
  std::vector<double> here;
  for (const auto& s : seen) {
    if (went_to(s, storage)) {
      here.push_back(sane(s.latency()));
    }
  }
  const int n = static_cast<int>(here.size());
  if (here.size() == seen.size() || n >= k_of_its_own) {
    return estimate(here, belief_of(prior.seconds()));
  }
  const auto on_vm = estimate(times_on_vm(seen), belief_of(prior.longest_step + 3));
  const auto transfer = estimate_transfer(seen, prior, storage);
  return {sum_of(on_vm.law, transfer.law), static_cast<int>(seen.size()), transfer.basis, n};
}

Estimate estimate_pause(std::span<const SaveSample> seen, const SavePrior& prior) {
  std::vector<double> seconds;
  for (const auto& s : seen) {
    seconds.push_back(sane(s.pause - s.step.value_or(0)));
  }
  return estimate(seconds, belief_of(prior.seconds()));
}

} // namespace gpujob::saving
