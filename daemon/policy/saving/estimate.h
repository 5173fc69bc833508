// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/latency.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// What past saves say about the next one (THEORY section 5).
namespace gpujob::saving {

/// One save of this job that became durable.
struct SaveSample {
  double pause; ///< seconds from the request until the job had saved: the rest of a step, the save
  double copy;  ///< seconds from then until it was verified and durable
  double bytes = 0;
  std::optional<double> step{};   ///< of `pause`: until the step under way was over
  std::optional<double> verify{}; ///< of `copy`: listing and hashing it on the VM
  std::string storage{};          ///< what it was copied to; empty: not known

  [[nodiscard]] double latency() const { return pause + copy; }
  /// What a change of storage leaves as it is, as far as it is known apart.
  [[nodiscard]] double on_vm() const;
  /// The rest: what depends on the storage.
  [[nodiscard]] double transfer() const { return latency() - on_vm(); }
  friend bool operator==(const SaveSample&, const SaveSample&) = default;
};

/// What is known without one.
struct SavePrior {
  double bytes = 1e9;            ///< of a checkpoint, expected
  double bytes_per_second = 5e7; ///< of the storage, expected
  double longest_step = 0;       ///< seconds, the longest seen

  /// Three times the size's time, the longest step and 3 s (the rule of HF's Trainer), seconds: a
  /// bound that most saves stay under.
  [[nodiscard]] double seconds() const;
};

struct Estimate {
  enum class Basis { prior, history, distribution_free };
  Latency law;
  int samples; ///< that it rests on
  Basis basis;
  int here = 0; ///< of them, those that were copied to this storage
};
/// "prior", "history", "distribution-free".
const char* to_text(Estimate::Basis basis);

/// The law of the next save's latency: request to durable, on `storage`. What the VM does is
/// learned from all saves. What the storage does is learned from those that went there; those of
/// which nobody knows where they went count as the two of them that a prior is worth. Without
/// `storage` all are taken to have gone to the same.
Estimate estimate_latency(std::span<const SaveSample> seen, const SavePrior& prior,
                          std::string_view storage = {});
/// The law of its part that depends on the storage.
Estimate estimate_transfer(std::span<const SaveSample> seen, const SavePrior& prior,
                           std::string_view storage);
/// The bytes per second that saves to `storage` had, whosever: the median; nullopt: none is known.
std::optional<double> measured_bandwidth(std::span<const SaveSample> seen,
                                         std::string_view storage);
/// The law of the next save's pause: how long the work itself stands still. The rest of a step is
/// work.
Estimate estimate_pause(std::span<const SaveSample> seen, const SavePrior& prior);

/// ln C ~ N(mu, sigma^2), both unknown: the predictive law of the next value. Of sigma it is known
/// beforehand what `k_sigma_weight` values with a deviation of `k_sigma` say: saves of the same job
/// spread by about a half of themselves, and few values alone make the tail so heavy that the lead
/// they ask for costs more than what it guards. `seconds` must not be empty.
Latency predict(std::span<const double> seconds);
inline constexpr double k_sigma = 0.5;
inline constexpr double k_sigma_weight = 8;

} // namespace gpujob::saving
