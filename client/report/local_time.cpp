// SPDX-License-Identifier: Apache-2.0
#include "client/report/local_time.h"

#include <ctime>

namespace gpujob::client {

namespace {

std::tm local(WallTime t) {
  const auto s = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  const std::time_t seconds = s;
  std::tm tm{};
  ::localtime_r(&seconds, &tm);
  return tm;
}

std::string formatted(WallTime t, const char* format) {
  const auto tm = local(t);
  char out[64];
  const auto n = std::strftime(out, sizeof out, format, &tm);
  return {out, n};
}

} // namespace

std::string clock_text(WallTime t) {
  return formatted(t, "%H:%M");
}

std::string second_text(WallTime t) {
  return formatted(t, "%H:%M:%S");
}

std::string day_text(WallTime t) {
  return formatted(t, "%a %e %b");
}

std::string minute_text(WallTime t) {
  return formatted(t, "%a %e %b %H:%M");
}

std::string date_text(WallTime t) {
  return formatted(t, "%Y-%m-%d");
}

std::string zone_text(WallTime t) {
  return formatted(t, "%Z");
}

WallTime midnight(WallTime t, int days) {
  auto tm = local(t);
  tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
  tm.tm_mday += days;
  tm.tm_isdst = -1; // a day may have 23 hours
  return WallTime{} + std::chrono::seconds{::mktime(&tm)};
}

} // namespace gpujob::client
