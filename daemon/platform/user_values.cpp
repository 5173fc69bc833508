// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/platform/user_profiles.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

/// `gpujob limits set KEY=VALUE`, as the user's profile.
namespace gpujob::platform {

namespace {

using json::Json;

constexpr std::string_view k_default = "default";
constexpr std::array<std::string_view, 4> k_resources{"gpu", "tpu", "cpu", "machine_hours"};

Error wrong_value(const std::string& key, const std::string& value, const std::string& why) {
  return Error{Errc::usage,
               fmt::format("limits set: {}: '{}': {}", printable(key), printable(value), why)};
}

Result<std::int64_t> whole_seconds(const std::string& key, const std::string& value) {
  if (parse_int(trim(value))) {
    return wrong_value(key, value, "needs a unit: hours are written 9h, minutes 45m");
  }
  const auto span = parse_duration(value, "limits set: " + key);
  if (!span) {
    return span.error();
  }
  const auto s = std::chrono::floor<std::chrono::seconds>(*span).count();
  if (s < 1 || s > 366 * 86400) {
    return wrong_value(key, value, "is not within a second and a year");
  }
  return s;
}

/// The user's own limit of that type (and resource), which the built-in ones are overridden with.
Json& own_limit(Json& user, const Json& identity) {
  auto& limits = user["limits"];
  limits = limits.is_array() ? limits : Json::array();
  for (auto& limit : limits) {
    const auto same = [&](const auto& item) {
      return limit.value(item.key(), Json()) == item.value();
    };
    if (std::ranges::all_of(identity.items(), same)) {
      return limit;
    }
  }
  limits.push_back(identity);
  return limits.back();
}

void forget_limit(Json& user, const Json& identity) {
  if (!user.contains("limits") || !user["limits"].is_array()) {
    return;
  }
  auto kept = Json::array();
  for (const auto& limit : user["limits"]) {
    const auto same = [&](const auto& item) {
      return limit.value(item.key(), Json()) == item.value();
    };
    if (!std::ranges::all_of(identity.items(), same)) {
      kept.push_back(limit);
    }
  }
  user["limits"] = std::move(kept);
}

template <typename Rule>
const LimitRule* find_rule(const Profile& p) {
  const auto it = std::ranges::find_if(
      p.limits, [](const auto& rule) { return std::holds_alternative<Rule>(rule.what); });
  return it == p.limits.end() ? nullptr : &*it;
}

Result<void> set_span(Json& user, const Json& identity, const std::string& key,
                      const std::string& value, const Json& when_new) {
  const bool may_be_none = key == "session" || key == "idle";
  const auto s =
      may_be_none && value == "none" ? Result<std::int64_t>(0) : whole_seconds(key, value);
  if (!s) {
    return s.error();
  }
  if (key == "session" && value != "none" && *s < 60) {
    return wrong_value(key, value, "is too short for any job");
  }
  auto& limit = own_limit(user, identity);
  for (const auto& [name, content] : when_new.items()) {
    limit[name] = content;
  }
  limit["seconds"] = value == "none" ? Json() : Json(*s);
  if (value == "none") {
    limit["ask"] = "you said that there is none";
  }
  limit["alternatives_s"] = Json::array();
  return {};
}

Result<void> set_quota(Json& user, const Profile& p, const std::string& key,
                       const std::string& value) {
  const auto resource = key == "machine_hours" ? std::string("machine") : key;
  const Json identity{{"type", "window"}, {"resource", resource}};
  const bool known = std::ranges::any_of(p.limits, [&](const LimitRule& rule) {
    const auto* window = std::get_if<WindowRule>(&rule.what);
    return window != nullptr && window->resource == resource;
  });
  // One's own budget: by the week, and nobody ends a session for it.
  const Json when_new =
      known
          ? Json::object()
          : Json{{"period", {{"weekly", {{"day", "monday"}, {"time", "00:00"}, {"zone", "UTC"}}}}},
                 {"on_exhausted", "deny_new"}};
  return set_span(user, identity, key, value, when_new);
}

Result<void> set_price(Json& user, const Profile& p, const std::string& value) {
  const auto end = value.find_first_not_of("0123456789.");
  const auto number = value.substr(0, end);
  auto currency = end == std::string::npos ? "" : std::string(trim(value.substr(end)));
  if (!limits::Amount::parse(number)) {
    return wrong_value("per_hour", value, "is not a price like 1.26 or 8.5CNY");
  }
  const auto* rule = find_rule<MoneyRule>(p);
  if (currency.empty()) {
    currency = rule == nullptr ? "USD" : std::get<MoneyRule>(rule->what).currency;
  }
  Json identity{{"type", "money"}, {"currency", currency}};
  auto& limit = own_limit(user, identity);
  limit["per_hour"] = {{"any", number}};
  if (rule == nullptr) {
    limit.update({{"quantum_s", 1}, {"rounding", "up"}, {"on_exhausted", "unknown"}});
  }
  return {};
}

/// One of those that the platform's prices name, in lower case as they are there.
Result<void> set_machine(Json& user, const Profile& p, std::string value) {
  std::ranges::transform(value, value.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::vector<std::string> known;
  for (const auto& rule : p.limits) {
    const auto* balance = std::get_if<BalanceRule>(&rule.what);
    const auto* money = std::get_if<MoneyRule>(&rule.what);
    for (const auto& [name, price] : balance != nullptr ? balance->burn
                                     : money != nullptr ? money->per_hour
                                                        : std::map<std::string, limits::Amount>{}) {
      known.push_back(name);
    }
  }
  if (std::ranges::find(known, value) == known.end()) {
    std::ranges::sort(known);
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return wrong_value("machine", value,
                       known.empty() ? p.id + " has no price list"
                                     : fmt::format("use one of {}", fmt::join(known, ", ")));
  }
  user["machine"] = value;
  return {};
}

bool knows_what_counts(const Profile& p) {
  const auto* rule = find_rule<IdleCap>(p);
  return rule != nullptr && !std::get<IdleCap>(rule->what).counts.empty();
}

Result<void> set_value(Json& user, const Profile& p, const std::string& key,
                       const std::string& value) {
  if (key == "session") {
    return set_span(user, {{"type", "session"}}, key, value, Json::object());
  }
  if (key == "idle") {
    const Json counts{{"counts", {"kernel_busy", "kernel_execution"}}};
    return set_span(user, {{"type", "idle"}}, key, value,
                    knows_what_counts(p) ? Json::object() : counts);
  }
  if (key == "margin") {
    const auto s = whole_seconds(key, value);
    user["margin_s"] = s ? Json(*s) : Json();
    return s ? Result<void>() : s.error();
  }
  if (key == "plan") {
    if (std::ranges::find(p.plans, value) == p.plans.end()) {
      return wrong_value(key, value,
                         p.plans.empty() ? p.id + " has no plans"
                                         : fmt::format("use one of {}", fmt::join(p.plans, ", ")));
    }
    user["default_plan"] = value;
    return {};
  }
  if (key == "machine") {
    return set_machine(user, p, value);
  }
  return key == "per_hour" ? set_price(user, p, value) : set_quota(user, p, key, value);
}

void forget_value(Json& user, const std::string& key) {
  if (key == "session" || key == "idle") {
    forget_limit(user, {{"type", key}});
  } else if (key == "per_hour") {
    forget_limit(user, {{"type", "money"}});
  } else if (std::ranges::find(k_resources, key) != k_resources.end()) {
    forget_limit(user,
                 {{"type", "window"}, {"resource", key == "machine_hours" ? "machine" : key}});
  } else {
    user.erase(key == "margin" ? "margin_s" : key == "plan" ? "default_plan" : key);
  }
}

} // namespace

Result<Json> with_values(Json user, const Profile& profile,
                         const std::map<std::string, std::string>& values) {
  if (!user.is_object()) {
    user = Json::object();
  }
  for (const auto& [key, value] : values) {
    const bool plain = key == "session" || key == "idle" || key == "margin" || key == "plan" ||
                       key == "machine" || key == "per_hour";
    if (!plain && std::ranges::find(k_resources, key) == k_resources.end()) {
      return Error{Errc::usage,
                   fmt::format("limits set: {}: is not session, idle, plan, margin, machine, "
                               "per_hour, {}",
                               printable(key), fmt::join(k_resources, ", "))};
    }
    if (value == k_default) {
      forget_value(user, key);
      continue;
    }
    GPUJOB_TRY(set_value(user, profile, key, value));
  }
  return user;
}

} // namespace gpujob::platform
