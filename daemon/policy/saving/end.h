// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/hazard.h"

#include <optional>

namespace gpujob::saving {

/// When the session may end, seen from now (0): all causes together, each of which may strike
/// first.
class End {
public:
  /// At `seconds` from now; with an `sd`, normally distributed around it, given that it has not
  /// come yet. A later call replaces it.
  End& at(double seconds, double sd = 0);
  /// The same end with no cap at all (but a transient VM's own).
  [[nodiscard]] End without_cap() const;
  /// A second end, normally distributed, besides one that is sharp: whichever comes first.
  End& fading(double seconds, double sd);
  /// Unannounced deaths at a known rate (memoryless), in addition to those of a Hazard.
  End& dying(double per_second);
  /// Unannounced deaths as far as they are known.
  End& dying(const Hazard& hazard);
  /// A transient VM of this age, seconds. Its cap is one like `at`; the earlier counts.
  End& bathtub(const Bathtub& law, double age);

  /// Seconds from now (the mean of one that is not sharp); nullopt: nothing caps it.
  [[nodiscard]] std::optional<double> cap() const { return m_cap; }
  [[nodiscard]] double cap_sd() const { return m_sd; }
  /// P(it lives longer than `seconds` from now): never rises.
  [[nodiscard]] double survival(double seconds) const;
  /// The same without a sharp cap, so that it has no step.
  [[nodiscard]] double gradual(double seconds) const;
  /// Unannounced deaths per second, at present.
  [[nodiscard]] double rate() const;

private:
  std::optional<double> m_cap;
  double m_sd = 0;
  double m_fading_at = 0, m_fading_sd = 0; ///< sd 0: there is none
  double m_rate = 0;
  std::optional<Hazard> m_hazard;
  struct Transient {
    Bathtub law;
    double age;
  };
  std::optional<Transient> m_transient;
};

} // namespace gpujob::saving
