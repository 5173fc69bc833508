// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/hazard.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::saving {

Hazard Hazard::after(double deaths, double exposure) const {
  return {shape + deaths, rate + exposure};
}

double Hazard::survival(double seconds) const {
  return std::exp(-shape * std::log1p(std::max(seconds, 0.0) / rate));
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
