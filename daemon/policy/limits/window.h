// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/usage.h"

#include <string>
#include <variant>

/// So much use in a period, then it begins anew.
namespace gpujob::limits {

/// Kaggle: from Saturday 00:00 UTC to the next.
struct WeeklyAnchor {
  Weekday day{};
  TimeOfDay at;
  Zone zone;
};

/// FloydHub: from a day of the month to the next; 31 means the last one.
struct MonthlyAnchor {
  int day = 1;
  TimeOfDay at;
  Zone zone;
};

/// SageMaker Studio Lab: for so long from the first use on; the use after that begins the next one.
struct RollingAnchor {
  Duration period{};
};

/// What the platform, or somebody who looked there, said is left. It outweighs what we counted.
struct Stated {
  WallTime at{};
  Duration left{};
  std::optional<Duration> total;  ///< of so much; nullopt: of the window's amount
  std::optional<WallTime> renews; ///< when it begins anew; nullopt: when the anchor says

  friend bool operator==(const Stated&, const Stated&) = default;
};

struct Window {
  std::string resource;
  Duration amount{};
  std::variant<WeeklyAnchor, MonthlyAnchor, RollingAnchor> anchor;
  OnExhausted effect = OnExhausted::unknown;
  std::optional<Stated> stated{}; ///< holds until the period in which it was said ends
};

/// The period that `now` falls in. Rolling: nullopt while none has begun.
std::optional<Span> period_of(const Window& window, const Usage& usage, WallTime now);

/// Whether what was stated still says something at `now`.
bool statement_holds(const Window& window, const Usage& usage, WallTime now);

/// What is left at `now` when a session that runs goes on using the resource, as `in_use` says it
/// does now. Use after `now` in `usage` is not looked at.
Horizon look(const Window& window, const Usage& usage, bool in_use, WallTime now);

} // namespace gpujob::limits
