// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/end.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::saving {

namespace {

/// P(a normal end comes later than `seconds` | it has not come yet). Far beyond one that has not
/// come both are tiny, and their quotient is that of the tails.
double outlives(double end, double sd, double seconds) {
  const double now = normal_cdf(end / sd);
  return now > 0 ? normal_cdf((end - seconds) / sd) / now : 0;
}

} // namespace

End& End::at(double seconds, double sd) {
  m_cap = sd > 0 ? seconds : std::max(seconds, 0.0);
  m_sd = std::max(sd, 0.0);
  return *this;
}

End& End::fading(double seconds, double sd) {
  m_fading_at = seconds;
  m_fading_sd = std::max(sd, 0.0);
  return *this;
}

End End::without_cap() const {
  End end = *this;
  end.m_cap.reset();
  end.m_sd = 0;
  return end;
}

End& End::dying(double per_second) {
  m_rate = per_second;
  return *this;
}

End& End::dying(const Hazard& hazard) {
  m_hazard = hazard;
  return *this;
}

End& End::bathtub(const Bathtub& law, double age) {
  m_transient = {law, age};
  const double left = std::max(law.cap - age, 0.0);
  if (!m_cap || *m_cap > left) {
    at(left);
  }
  return *this;
}

double End::survival(double seconds) const {
  return m_cap && m_sd <= 0 && seconds >= *m_cap ? 0 : gradual(seconds);
}

double End::gradual(double seconds) const {
  double lives = std::exp(-m_rate * seconds);
  if (m_cap && m_sd > 0) {
    lives *= outlives(*m_cap, m_sd, seconds);
  }
  if (m_fading_sd > 0) {
    lives *= outlives(m_fading_at, m_fading_sd, seconds);
  }
  if (m_hazard) {
    lives *= m_hazard->survival(seconds);
  }
  if (m_transient) {
    const auto& [law, age] = *m_transient;
    // Just below its own cap, so that the step is left to survival().
    const double to = std::min(age + seconds, law.cap * (1 - 1e-12));
    const double now = law.survival(std::min(age, law.cap * (1 - 1e-12)));
    lives *= now > 0 ? law.survival(to) / now : 0;
  }
  return lives;
}

double End::rate() const {
  double rate = m_rate + (m_hazard ? m_hazard->mean() : 0);
  if (m_transient) {
    constexpr double k_look = 60; // its shortest time constant is half an hour
    const auto& [law, age] = *m_transient;
    const double now = law.survival(age);
    rate += now > 0 ? std::max(0.0, (1 - law.survival(age + k_look) / now) / k_look) : 0;
  }
  return rate;
}

} // namespace gpujob::saving
