// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/steps_told.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace gpujob::policy {

namespace {

constexpr std::size_t k_kept = 64;
/// So many lengths show a rhythm, if they differ by no more than this share of their mean.
constexpr std::size_t k_enough = 5;
constexpr double k_even = 0.2;
/// Shorter steps cost a save less than it varies by itself.
constexpr double k_shortest = 5;

double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

} // namespace

void StepsTold::tell(BootTime at) {
  if (!ends.empty() && at <= ends.back()) {
    return;
  }
  if (ends.size() == k_kept) {
    ends.erase(ends.begin());
  }
  ends.push_back(at);
}

std::optional<double> StepsTold::rest_of_step(BootTime request, BootTime saved) const {
  // Without one from before the request an earlier one may have been forgotten.
  if (ends.empty() || ends.front() > request) {
    return std::nullopt;
  }
  const auto end = std::ranges::upper_bound(ends, request);
  return end != ends.end() && *end <= saved ? std::optional(seconds(*end - request)) : std::nullopt;
}

std::optional<StepsTold::Rhythm> StepsTold::rhythm() const {
  if (ends.size() <= k_enough) {
    return std::nullopt;
  }
  std::vector<double> lengths;
  for (std::size_t i = 1; i < ends.size(); ++i) {
    lengths.push_back(seconds(ends[i] - ends[i - 1]));
  }
  const auto n = static_cast<double>(lengths.size());
  double mean = 0, squares = 0;
  for (const double length : lengths) {
    mean += length / n;
  }
  for (const double length : lengths) {
    squares += (length - mean) * (length - mean);
  }
  const double sd = std::sqrt(squares / (n - 1));
  return mean >= k_shortest && sd <= k_even * mean ? std::optional(Rhythm{mean, sd, ends.back()})
                                                   : std::nullopt;
}

} // namespace gpujob::policy
