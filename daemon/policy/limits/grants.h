// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/usage.h"

#include <string>
#include <vector>

/// Hours that were given, by a person or by a rule, and that expire.
namespace gpujob::limits {

struct Grant {
  std::string kind; ///< "application", "daily", "streak5", "powerup"
  Duration amount{};
  WallTime issued{};
  std::optional<WallTime> expires; ///< nullopt: never

  friend bool operator==(const Grant&, const Grant&) = default;
};

/// Which one is spent first: by `order` of kinds, those not named after them; then what expires
/// earliest; then what was issued earliest.
struct SpendOrder {
  std::vector<std::string> kinds;
};

/// What the platform gives for using it. Days are those of `zone`.
struct EarnRule {
  std::string kind;
  Duration amount{};
  std::optional<Duration> ttl; ///< from the instant it is earned; nullopt: it does not expire
  int consecutive_days = 1;    ///< 1: for the first use on a day; n: for every n-th day in a row
};

/// What was earned by these uses, each at the begin of the first use of the day that earned it.
/// Whether a streak goes on counting after it has earned is nowhere said: it begins anew.
std::vector<Grant> earned(const EarnRule& rule, const Usage& usage, const std::string& resource,
                          const Zone& zone, WallTime until);

struct Spent {
  std::vector<Grant>
      left;             ///< in the order in which they are spent; what is used up or expired is not
  Duration uncovered{}; ///< use that no grant paid for
};

/// What is left of the grants at `now`, after what was used.
Spent spend(std::vector<Grant> grants, const SpendOrder& order, const Usage& usage,
            const std::string& resource, WallTime now);

/// How long these last when use goes on from `now`, one session at a time.
Horizon look(const Spent& spent, const SpendOrder& order, bool in_use, WallTime now,
             OnExhausted effect);

} // namespace gpujob::limits
