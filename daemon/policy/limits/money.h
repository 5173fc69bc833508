// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/amount.h"
#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/usage.h"

#include <optional>
#include <string>
#include <vector>

/// What a machine costs, and how long what there is lasts. One currency or unit; exact.
namespace gpujob::limits {

enum class Rounding : std::uint8_t {
  up,   ///< a quantum that has begun is paid for
  down, ///< only whole ones are
};

/// A price per hour, charged by the quantum.
struct Rate {
  Amount per_hour;
  Duration quantum = std::chrono::seconds{1};
  Rounding rounding = Rounding::up;
};

/// A fee per day, debited the next day, and waived on a day on which enough was spent.
struct DailyFee {
  std::string what; ///< "disk 100 GB"
  Amount per_day;
  std::optional<Amount> waived_from; ///< of that day's use; nullopt: never waived
  TimeOfDay debited_at;
};

/// What a use that goes on for so long costs.
Amount cost(const Rate& rate, Duration use);

/// The quanta of all uses of the span, each use rounded on its own. A use that began before the
/// span counts with what it has begun within it.
Amount cost(const Rate& rate, const Usage& usage, const std::string& resource, const Span& span);

/// The fee for a day on which `spent` was spent.
Amount fee(const DailyFee& fee, Amount spent);

/// When the fee for `day` is debited.
WallTime debited(const DailyFee& fee, Day day, const Zone& zone);

/// Money, or a platform's units: what there was at an instant, and how fast it goes.
struct Balance {
  Amount amount;
  WallTime as_of{};
  std::optional<Rate> burn; ///< nullopt: not known
};

/// The use that `left` pays for from the begin of a quantum on.
Duration affordable(const Rate& rate, Amount left);

/// What is left of the balance after what was used since, and how long it lasts. `left` of a
/// balance whose burn rate is not known is not known.
Horizon look(const Balance& balance, const Usage& usage, const std::string& resource, bool in_use,
             WallTime now, OnExhausted effect);

} // namespace gpujob::limits
