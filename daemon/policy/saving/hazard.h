// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::saving {

/// How often sessions die without a word, as far as it is known: the rate of deaths is Gamma(shape,
/// rate). What it predicts is not memoryless: who has lived long is believed to live longer.
struct Hazard {
  /// Before anything was seen: a tenth of a death in an hour. Such a small shape makes a platform
  /// that never kills cheap (after a day the rate believed is one in ten days), while a first death
  /// after an hour already makes it one in two hours.
  double shape = 0.1;
  double rate = 3600; ///< seconds

  /// After so many deaths (a share of one counts as that, see death_share) in `exposure` seconds of
  /// sessions that lived.
  [[nodiscard]] Hazard after(double deaths, double exposure) const;

  [[nodiscard]] double mean() const { return shape / rate; } ///< deaths per second
  /// Seconds; "about", since the rate is not known.
  [[nodiscard]] double mean_between() const { return rate / shape; }
  /// P(no death within `seconds` from now): (rate / (rate + seconds))^shape.
  [[nodiscard]] double survival(double seconds) const;
};

/// Of a session that ended `ended` seconds after its start, while a cap was expected at
/// `cap` +- `cap_sd`: the probability that it was a death and not the cap, if deaths come with
/// `per_second`.
double death_share(double ended, double cap, double cap_sd, double per_second);

/// Capped transient VMs: F(t) = A (1 - e^(-t/tau1) + e^((t - b)/tau2)) (Kadupitiya, Jadhao, Sharma,
/// arXiv 1911.05160). Those that live to the cap end there.
struct Bathtub {
  double share = 0.45;      ///< A
  double early = 3600;      ///< tau1, seconds
  double late = 0.8 * 3600; ///< tau2, seconds
  double cap = 24 * 3600;   ///< b, seconds

  /// P(it lives longer than `age` seconds from its start); 0 from the cap on.
  [[nodiscard]] double survival(double age) const;
};

} // namespace gpujob::saving
