// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"

#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace gpujob {

namespace {

/// Seconds in a unit, 0 for an unknown one.
double unit_seconds(std::string_view unit) {
  if (unit == "ms") {
    return 0.001;
  }
  if (unit.empty() || unit == "s" || unit == "sec") {
    return 1;
  }
  if (unit == "m" || unit == "min") {
    return 60;
  }
  if (unit == "h") {
    return 3600;
  }
  return unit == "d" ? 86400 : 0;
}

} // namespace

Result<Duration> parse_duration(std::string_view text, std::string_view what) {
  const auto bad = [&] {
    return Error{Errc::usage,
                 fmt::format("{}: '{}': not a duration: write it like 9h, 1h30m or 40s", what,
                             printable(text.substr(0, 60)))};
  };
  auto rest = trim(text);
  if (rest.empty()) {
    return bad();
  }
  double seconds = 0;
  while (!rest.empty()) {
    double value = 0;
    const auto [end, ec] =
        std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
    if (ec != std::errc{} || !std::isfinite(value) || std::signbit(value)) {
      return bad();
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto unit = rest.substr(0, rest.find_first_of("0123456789. "));
    const double scale = unit_seconds(unit);
    // Plain seconds stand alone: "1..5h" and "1 30m" are slips.
    if (scale == 0 || (unit.empty() && !rest.empty())) {
      return bad();
    }
    seconds += value * scale;
    rest = trim(rest.substr(unit.size()));
  }
  if (seconds > to_seconds(k_longest_span)) {
    return bad();
  }
  return Duration{static_cast<std::int64_t>(std::llround(seconds * 1e9))};
}

std::string format_duration(Duration d) {
  return format_seconds(to_seconds(d));
}

std::string format_seconds(double seconds) {
  if (seconds < 0) {
    return fmt::format("-{}", format_seconds(-seconds));
  }
  // Beyond it there are no seconds in a double.
  const double exact = std::min(seconds, 1e15);
  if (exact < 9.95) {
    return fmt::format("{:.1f}s", exact);
  }
  const auto s = static_cast<long long>(std::llround(exact));
  if (s < 60) {
    return fmt::format("{}s", s);
  }
  if (s < 3600) {
    return fmt::format("{}m {:02}s", s / 60, s % 60);
  }
  if (s < 2 * 86400) {
    return fmt::format("{}h {:02}m", s / 3600, s % 3600 / 60);
  }
  return fmt::format("{}d {}h", s / 86400, s % 86400 / 3600);
}

} // namespace gpujob
