// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/limits/amount.h"
#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/money.h"
#include "daemon/policy/limits/zone.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a platform allows, as its profile says it: schema/platforms/platform.schema.json, checked.
/// A value that is not there is one that only the user knows.
namespace gpujob::platform {

/// How far a statement is to be believed; shown beside it.
enum class Confidence : std::uint8_t { low, medium, high };

std::string_view to_text(Confidence c);
std::optional<Confidence> confidence_from_text(std::string_view s);

struct SessionCap {
  std::optional<Duration> value;
  std::vector<Duration> alternatives; ///< reported beside it
  std::string ask;                    ///< where the user finds it
  bool hard = true;
  Duration spread{};    ///< of the end around it, a standard deviation; 0: it is sharp
  bool bathtub = false; ///< many die young or near it (saving::Bathtub)
};

struct IdleCap {
  std::optional<Duration> value;
  std::vector<Duration> alternatives;
  std::string ask;
  std::vector<std::string> counts, not_counts; ///< as activity: words of the schema
  bool observable = true;                      ///< from inside

  /// Something that we can see is known to count.
  [[nodiscard]] bool can_be_watched() const { return value && observable && !counts.empty(); }
};

/// Zones by name: they are loaded where files may be read.
struct Weekly {
  limits::Weekday day{};
  limits::TimeOfDay at;
  std::string zone;
};
struct Monthly {
  std::optional<int> day;
  limits::TimeOfDay at;
  std::string zone;
};
struct Rolling {
  Duration length{};
  std::vector<Duration> alternatives;
};

struct WindowRule {
  std::string resource;
  std::optional<Duration> amount;
  std::vector<Duration> alternatives;
  std::variant<Weekly, Monthly, Rolling> period;
  limits::OnExhausted effect{};
};

struct GrantKind {
  std::string id;
  std::optional<Duration> amount, ttl;
  int every_days = 0; ///< earned by use on so many days in a row; 0: given by people
};

struct GrantsRule {
  std::string resource, zone;
  std::vector<std::string> order; ///< of kinds; those not named after them
  std::vector<GrantKind> catalog;
  limits::OnExhausted effect{};
};

struct BalanceRule {
  std::string unit;
  std::map<std::string, limits::Amount> burn; ///< per hour, by machine
  std::optional<Duration> ttl;                ///< of what was bought
  limits::OnExhausted effect{};
};

struct FeeRule {
  std::string what;
  std::optional<limits::Amount> per_hour, per_day, waived_from; ///< one of the first two
  limits::TimeOfDay debited_at;
  std::string zone;
};

struct MoneyRule {
  std::string currency;
  std::map<std::string, limits::Amount> per_hour; ///< by machine
  Duration quantum{};
  limits::Rounding rounding{};
  std::vector<FeeRule> fees;
  limits::OnExhausted effect{};
};

struct DiskCap {
  std::string path;
  std::optional<std::int64_t> bytes, max_files;
};
struct MemoryCap {
  std::int64_t bytes = 0;
};
struct ConcurrencyCap {
  std::int64_t count = 0;
  std::string scope;
};
/// Somebody must answer, and we cannot.
struct PresenceCheck {
  Duration after{};
};

/// One limit, whom it is for, who says so, and when that was looked up.
struct LimitRule {
  std::variant<SessionCap, IdleCap, WindowRule, GrantsRule, BalanceRule, MoneyRule, DiskCap,
               MemoryCap, ConcurrencyCap, PresenceCheck>
      what;
  std::vector<std::string> variants, not_variants, plans; ///< empty: all
  std::string source, as_of;
  Confidence confidence = Confidence::low;

  [[nodiscard]] bool applies(std::string_view variant, std::string_view plan) const;
};

} // namespace gpujob::platform
