// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace gpujob {

using Duration = std::chrono::nanoseconds;

/// Tag of CLOCK_BOOTTIME: counts through suspend, never jumps, means nothing after a reboot.
struct BootClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

/// Tag of CLOCK_REALTIME: only for display and for what outlives a boot.
struct WallClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};

using BootTime = BootClock::time_point;
using WallTime = WallClock::time_point;

/// Both clocks, read together, once per wake-up. Pure code takes it as an argument.
struct Now {
  BootTime boot{};
  WallTime wall{};

  /// The wall time at which the boot clock will read `at`, if the wall clock does not jump.
  [[nodiscard]] WallTime wall_at(BootTime at) const { return wall + (at - boot); }

  friend bool operator==(const Now&, const Now&) = default;
};

/// What is read from outside counts only within these bounds: spans up to 50 years, instants up to
/// 150 years from their clock's zero. Sums and differences of two such values fit 64 bits.
constexpr Duration k_longest_span = std::chrono::hours{50 * 366 * 24};

constexpr bool is_plausible(Duration d) {
  return d >= Duration::zero() && d <= k_longest_span;
}
/// A session may have begun before this boot; a wall clock that was set late makes it decades.
constexpr bool is_plausible(BootTime t) {
  return t.time_since_epoch() >= -3 * k_longest_span && t.time_since_epoch() <= 3 * k_longest_span;
}
constexpr bool is_plausible(WallTime t) {
  return t.time_since_epoch() >= Duration::zero() && t.time_since_epoch() <= 3 * k_longest_span;
}

constexpr std::int64_t to_ns(BootTime t) {
  return t.time_since_epoch().count();
}
constexpr std::int64_t to_ns(WallTime t) {
  return t.time_since_epoch().count();
}
constexpr BootTime boot_from_ns(std::int64_t ns) {
  return BootTime{Duration{ns}};
}
constexpr WallTime wall_from_ns(std::int64_t ns) {
  return WallTime{Duration{ns}};
}
constexpr double to_seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

} // namespace gpujob
