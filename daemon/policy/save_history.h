// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/policy/saving/estimate.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gpujob::policy {

/// What past attempts, of any session, tell of saving.
struct SaveHistory {
  std::vector<saving::SaveSample> saves; ///< those that answered a request, newest last
  /// From the start of an attempt to its first checkpoint, which nobody had asked for: what a start
  /// must have time for, if the job saves only by itself.
  std::optional<Duration> first;
  std::optional<Duration> left; ///< of its work, as of its newest checkpoint; nullopt: not told
  std::int64_t learned = 0;     ///< rises with every save that is learned of
  Duration lead{};              ///< of a last save in a long session, from these; zero: not known

  /// After `saves` was changed: `learned`, `lead`, and only the newest are kept. `storage` is what
  /// the next ones will be copied to.
  void relearn(std::string_view storage = {}, const saving::SavePrior& prior = {});
};
/// From the request until it was durable; zero: nothing is known.
Duration longest_save(const SaveHistory& history);
/// The same until the job had saved.
Duration longest_pause(const SaveHistory& history);
/// So many are kept: the newest.
inline constexpr std::size_t k_saves_kept = 64;

} // namespace gpujob::policy
