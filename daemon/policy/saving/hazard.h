// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

namespace gpujob::saving {

/// How often sessions die without a word, as far as it is known: either the platform is of the kind
/// that hardly ever kills, or of the kind that does, and of each kind the rate of deaths is
/// Gamma(shape, rate). What it predicts is not memoryless: who has lived long is believed to live
/// on.
struct Hazard {
  struct Kind {
    double weight; ///< the probability that it is of this kind
    double shape;
    double rate; ///< seconds
  };
  /// Before anything was seen, for a platform of which nothing is known. Quiet ones die once in
  /// days or never; of deadly ones any mean time between deaths from a half to a dozen hours may
  /// be. Chosen by simulation (gpujob simulate --matrix). One Gamma alone does worse at both ends:
  /// to make a quiet platform cheap it must be so flat that sessions are lost until a deadly one is
  /// believed.
  std::array<Kind, 2> kinds{{{0.3, 0.02, 3600}, {0.7, 1.5, 5400}}};

  /// A kind that is known, and its rate known as well as by `shape` deaths in `rate` seconds.
  static Hazard of(double shape, double rate) { return {{{{1, shape, rate}, {0, 1, 1}}}}; }

  /// After so many deaths (a share of one counts as that, see death_share) in `exposure` seconds of
  /// sessions that lived: each kind's Gamma, and by Bayes' rule its weight.
  [[nodiscard]] Hazard after(double deaths, double exposure) const;

  [[nodiscard]] double mean() const; ///< deaths per second, expected
  /// Seconds; "about", since the rate is not known.
  [[nodiscard]] double mean_between() const { return 1 / mean(); }
  /// P(no death within `seconds` from now); of a kind it is (rate / (rate + seconds))^shape.
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

  /// Of a session: how old it became, and whether it died then (else it ended, or lives on).
  struct Life {
    double age; ///< seconds
    bool died;

    friend bool operator==(const Life&, const Life&) = default;
  };
  /// With A as these lives make it likely: the published one counts as ten of them. The other
  /// parameters stay, a user has not lives enough for them.
  [[nodiscard]] Bathtub after(std::span<const Life> lives) const;

  friend bool operator==(const Bathtub&, const Bathtub&) = default;
};

} // namespace gpujob::saving
