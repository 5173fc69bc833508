// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

/// Calendars: weekly resets, days and anniversaries in the platform's own time zone. Wall clock
/// only.
namespace gpujob::limits {

/// The rules of a time zone, loaded elsewhere (platform/zones.h): nothing here reads a file.
using Zone = absl::TimeZone;

using Day = absl::CivilDay;
using Weekday = absl::Weekday;

struct TimeOfDay {
  int hour = 0;   ///< 0 to 23
  int minute = 0; ///< 0 to 59
  friend bool operator==(const TimeOfDay&, const TimeOfDay&) = default;
};

/// Half open: [begin, end).
struct Span {
  WallTime begin{}, end{};

  [[nodiscard]] bool contains(WallTime t) const { return begin <= t && t < end; }
  friend bool operator==(const Span&, const Span&) = default;
};

/// The part of both; empty (begin == end) when there is none.
Span overlap(const Span& a, const Span& b);

Day day_of(WallTime t, const Zone& zone);

/// The instant at which a clock on the wall there first reads this or, where it is skipped that day
/// (summer time begins), the instant of the skip.
WallTime instant(Day day, TimeOfDay at, const Zone& zone);

/// From the reset at or before `now` to the next one.
Span week_of(WallTime now, Weekday day, TimeOfDay at, const Zone& zone);

/// From the last anniversary at or before `now` to the next one. `day_of_month` 1 to 31: in a month
/// that is shorter, its last day.
Span month_of(WallTime now, int day_of_month, TimeOfDay at, const Zone& zone);

} // namespace gpujob::limits
