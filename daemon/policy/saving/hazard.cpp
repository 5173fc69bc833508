// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/hazard.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::saving {

Hazard Hazard::after(double deaths, double exposure) const {
  Hazard out = *this;
  std::array<double, 2> logs{};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    auto& kind = out.kinds[i];
    // The probability of so many deaths, but for what does not depend on the kind.
    logs[i] = std::log(kind.weight) + std::lgamma(kind.shape + deaths) - std::lgamma(kind.shape) +
              kind.shape * std::log(kind.rate) -
              (kind.shape + deaths) * std::log(kind.rate + exposure);
    kind.shape += deaths;
    kind.rate += exposure;
  }
  // Beside the likelier one, lest many deaths make nothing of both.
  const double most = std::max(logs[0], logs[1]);
  const double sum = std::exp(logs[0] - most) + std::exp(logs[1] - most);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    out.kinds[i].weight = std::exp(logs[i] - most) / sum;
  }
  return out;
}

double Hazard::mean() const {
  double sum = 0;
  for (const auto& kind : kinds) {
    sum += kind.weight * kind.shape / kind.rate;
  }
  return sum;
}

double Hazard::survival(double seconds) const {
  double lives = 0;
  for (const auto& kind : kinds) {
    lives += kind.weight * std::exp(-kind.shape * std::log1p(std::max(seconds, 0.0) / kind.rate));
  }
  return lives;
}

double death_share(double ended, double cap, double cap_sd, double per_second) {
  if (cap_sd <= 0) {
    // A minute: what a sharp cap is known to.
    return ended < cap - 60 ? 1 : 0;
  }
  const double z = (ended - cap) / cap_sd;
  const double capping = normal_density(z) / cap_sd / std::max(normal_cdf(-z), 1e-300);
  return per_second + capping > 0 ? per_second / (per_second + capping) : 0;
}

double Bathtub::survival(double age) const {
  if (age >= cap) {
    return 0;
  }
  // The published law starts at A e^(-b/tau2), a hair above zero: taken off, so that the new live.
  const double start = std::exp(-cap / late);
  const double dead =
      share * (1 - std::exp(-std::max(age, 0.0) / early) + std::exp((age - cap) / late) - start);
  return std::clamp(1 - dead, 0.0, 1.0);
}

} // namespace gpujob::saving
