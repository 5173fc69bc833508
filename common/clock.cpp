// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"

#include "common/file.h"
#include "common/text.h"

#include <cstdio>
#include <ctime>

namespace gpujob {

namespace {

Duration read(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return std::chrono::seconds{ts.tv_sec} + Duration{ts.tv_nsec};
}

} // namespace

Now read_clocks() {
  return Now{BootTime{read(CLOCK_BOOTTIME)}, WallTime{read(CLOCK_REALTIME)}};
}

std::string read_boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
  return text ? std::string(trim(*text)) : std::string("unknown");
}

std::string format_rfc3339(WallTime t) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count();
  const std::time_t secs = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  std::tm tm{};
  ::gmtime_r(&secs, &tm);
  char day[32];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
  char out[48];
  std::snprintf(out, sizeof out, "%s.%03dZ", day, static_cast<int>(ms - secs * 1000));
  return out;
}

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
  std::int64_t ns = *value;
  for (auto i = digits.size(); i < 9; ++i) {
    ns *= 10;
  }
  return ns;
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

std::string format_local(WallTime t) {
  const std::time_t secs = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm tm{};
  ::localtime_r(&secs, &tm);
  char out[64];
  std::strftime(out, sizeof out, "%a %d %b %H:%M:%S %Z", &tm);
  return out;
}

} // namespace gpujob
