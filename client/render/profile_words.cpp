// SPDX-License-Identifier: Apache-2.0
#include "client/render/profile_words.h"

#include "common/duration.h"
#include "common/json.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client::profile_words {

using json::Json;

std::string text(const Json& j, const char* key) {
  return j.value(key, std::string());
}

std::vector<std::string> texts(const Json& j, const char* key) {
  return j.value(key, std::vector<std::string>());
}

std::string span(const Json& seconds) {
  const auto s = seconds.get<std::int64_t>();
  const auto hours = s / 3600;
  const auto minutes = s % 3600 / 60;
  if (s % 60 != 0 || s < 60) {
    return format_duration(std::chrono::seconds{s});
  }
  return (hours > 0 ? fmt::format("{}h", hours) : "") + (hours > 0 && minutes > 0 ? " " : "") +
         (minutes > 0 ? fmt::format("{}m", minutes) : "");
}

std::string span_of(const Json& rule) {
  const auto it = rule.find("seconds");
  if (it == rule.end() || it->is_null()) {
    return "?";
  }
  return span(*it) + (text(rule, "confidence") == "low" ? "?" : "");
}

std::string period_text(const Json& period) {
  if (period.contains("weekly")) {
    return "week";
  }
  return period.contains("monthly") ? "month" : span(period["rolling"]["seconds"]);
}

std::string money_text(const Json& money) {
  const auto prices = money.value("per_hour", Json::object());
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& price : prices) {
    const auto amount = price.get<std::string>();
    sorted.emplace_back(std::stod(amount), amount); // to compare only
  }
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty()) {
    return text(money, "currency") + " ?/h";
  }
  const auto range = sorted.size() == 1 ? sorted.front().second
                                        : sorted.front().second + " to " + sorted.back().second;
  return fmt::format("{} {}/h", text(money, "currency"), range);
}

std::string notice(const Json& profile) {
  const auto& n = profile["notice"];
  const auto kind = text(n, "kind");
  const auto grace = n.value("grace_s", std::int64_t{0});
  return kind == "none" || grace == 0 ? kind == "signal" ? "TERM" : kind
                                      : fmt::format("{}, {}", kind == "signal" ? "TERM" : kind,
                                                    format_duration(std::chrono::seconds{grace}));
}

} // namespace gpujob::client::profile_words
