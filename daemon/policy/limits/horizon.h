// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <cstdint>
#include <optional>

namespace gpujob::limits {

/// What the platform does when a limit is reached.
enum class OnExhausted : std::uint8_t {
  deny_new, ///< no new session; one that runs goes on
  kill_now, ///< the session is ended
  unknown,  ///< nobody says: planned for as kill_now
};

/// What is left under one limit when use goes on as now.
struct Horizon {
  std::optional<Duration> left;     ///< of what it counts; nullopt: not known
  std::optional<Duration> used;     ///< likewise; may be more than there was
  std::optional<WallTime> runs_out; ///< nothing is left from then on; nullopt: never, or not known
  std::optional<WallTime> renews;   ///< there is more again, or another count begins
  OnExhausted effect = OnExhausted::unknown;

  /// When it ends this session; nullopt: it does not, or that is not known.
  [[nodiscard]] std::optional<WallTime> ends_session() const {
    return effect == OnExhausted::deny_new ? std::nullopt : runs_out;
  }
  friend bool operator==(const Horizon&, const Horizon&) = default;
};

} // namespace gpujob::limits
