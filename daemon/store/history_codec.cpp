// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/history_codec.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gpujob::store {

namespace {

using nlohmann::json;

constexpr double k_longest_s = std::chrono::duration<double>(k_longest_span).count();
constexpr double k_most_bytes = 1e18;

bool is_within(const json& j, double most) {
  return j.is_number() && j.get<double>() >= 0 && j.get<double>() <= most;
}

std::optional<Duration> read_span(const json& j, const char* key) {
  const auto span = j.find(key);
  if (span == j.end() || !is_within(*span, k_longest_s)) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(span->get<double>()));
}

} // namespace

json history_json(const policy::SaveHistory& history) {
  auto saves = json::array();
  for (const auto& s : history.saves) {
    saves.push_back({s.pause, s.copy, s.bytes});
  }
  json j{{"saves", std::move(saves)}};
  if (history.first) {
    j["first_s"] = std::chrono::duration<double>(*history.first).count();
  }
  if (history.left) {
    j["left_s"] = std::chrono::duration<double>(*history.left).count();
  }
  return j;
}

policy::SaveHistory read_history(const json& j) {
  policy::SaveHistory out;
  if (!j.is_object()) {
    return out;
  }
  const auto saves = j.find("saves");
  for (const auto& s : saves != j.end() && saves->is_array() ? *saves : json::array()) {
    const bool possible = s.is_array() && s.size() == 3 && is_within(s[0], k_longest_s) &&
                          is_within(s[1], k_longest_s) && is_within(s[2], k_most_bytes);
    if (possible) {
      out.saves.push_back({s[0].get<double>(), s[1].get<double>(), s[2].get<double>()});
    }
  }
  out.first = read_span(j, "first_s");
  out.left = read_span(j, "left_s");
  out.relearn();
  return out;
}

} // namespace gpujob::store
