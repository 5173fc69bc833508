// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/hazard.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <array>
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

namespace {

/// F(t) / A. The published law starts at A e^(-b/tau2), a hair above zero: taken off, so that the
/// new live.
double shape_of(const Bathtub& law, double age) {
  return 1 - std::exp(-std::max(age, 0.0) / law.early) + std::exp((age - law.cap) / law.late) -
         std::exp(-law.cap / law.late);
}

} // namespace

double Bathtub::survival(double age) const {
  return age >= cap ? 0 : std::clamp(1 - share * shape_of(*this, age), 0.0, 1.0);
}

Bathtub Bathtub::after(std::span<const Life> lives) const {
  // Beyond a half more than all would be dead before the cap.
  constexpr double k_least = 0.02, k_most = 0.5, k_published_weight = 10;
  const auto likelihood = [&](double a) {
    // Sessions of which the published share dies.
    double log = k_published_weight * (share * std::log(a) + (1 - share) * std::log(1 - a));
    for (const auto& life : lives) {
      const double age = std::clamp(life.age, 0.0, cap);
      // Who came to the cap ended there, as all do.
      const bool died = life.died && age < cap;
      log += std::log(died ? a : std::max(1 - a * shape_of(*this, age), 1e-12));
    }
    return log;
  };
  auto out = *this;
  out.share = maximize(likelihood, k_least, k_most, 1e-3);
  return out;
}

} // namespace gpujob::saving
