// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/zone.h"

#include <algorithm>

namespace gpujob::limits {

namespace {

absl::Time to_absl(WallTime t) {
  return absl::FromUnixNanos(to_ns(t));
}

WallTime from_absl(absl::Time t) {
  return wall_from_ns(absl::ToUnixNanos(t));
}

/// The anniversary in the month of `month`.
WallTime anniversary(absl::CivilMonth month, int day_of_month, TimeOfDay at, const Zone& zone) {
  const Day last = Day(month + 1) - 1;
  return instant(std::min(Day(month) + (day_of_month - 1), last), at, zone);
}

} // namespace

Span overlap(const Span& a, const Span& b) {
  const auto begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

Day day_of(WallTime t, const Zone& zone) {
  return absl::ToCivilDay(to_absl(t), zone);
}

WallTime instant(Day day, TimeOfDay at, const Zone& zone) {
  const auto info =
      zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), at.hour, at.minute, 0));
  return from_absl(info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre);
}

Span week_of(WallTime now, Weekday day, TimeOfDay at, const Zone& zone) {
  // The reset of today may be still to come, and then of the week before.
  auto reset = day_of(now, zone) + 1;
  do {
    reset = absl::PrevWeekday(reset, day);
  } while (instant(reset, at, zone) > now);
  return {instant(reset, at, zone), instant(reset + 7, at, zone)};
}

Span month_of(WallTime now, int day_of_month, TimeOfDay at, const Zone& zone) {
  absl::CivilMonth month(day_of(now, zone));
  if (anniversary(month, day_of_month, at, zone) > now) {
    --month;
  }
  return {anniversary(month, day_of_month, at, zone),
          anniversary(month + 1, day_of_month, at, zone)};
}

} // namespace gpujob::limits
