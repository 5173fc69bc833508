// SPDX-License-Identifier: Apache-2.0
#include "client/instant.h"

#include "common/duration.h"
#include "common/text.h"

#include <cmath>
#include <ctime>

namespace gpujob::client {

namespace {

/// The fraction ".250" of a second in nanoseconds; nullopt when it is none.
std::optional<std::int64_t> fraction_ns(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto digits = text.substr(1);
  const auto value = parse_int(digits);
  if (text.front() != '.' || digits.size() > 9 || !value || *value < 0) {
    return std::nullopt;
  }
  return std::llround(static_cast<double>(*value) *
                      std::pow(10, 9 - static_cast<double>(digits.size())));
}

} // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  if (text.empty() || text.back() != 'Z') {
    return std::nullopt;
  }
  const std::string plain(text.substr(0, text.size() - 1));
  std::tm tm{};
  const char* end = ::strptime(plain.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  const auto ns = end == nullptr ? std::nullopt : fraction_ns(end);
  if (!ns) {
    return std::nullopt;
  }
  const std::int64_t seconds = ::timegm(&tm);
  if (seconds < 0 || seconds > k_longest_span * 3 / std::chrono::seconds{1}) {
    return std::nullopt; // is_plausible, without overflow
  }
  return WallTime{std::chrono::seconds{seconds}} + Duration{*ns};
}

std::string relative(WallTime at, WallTime now) {
  const auto distance = at - now;
  if (std::chrono::abs(distance) < std::chrono::seconds{1}) {
    return "now";
  }
  return distance > Duration::zero() ? "in " + format_duration(distance)
                                     : format_duration(-distance) + " ago";
}

} // namespace gpujob::client
