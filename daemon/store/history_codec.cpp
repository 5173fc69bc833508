// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/history_codec.h"

#include "common/json.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace gpujob::store {

namespace {

using json::Json;

constexpr double k_longest_s = std::chrono::duration<double>(k_longest_span).count();
constexpr double k_most_bytes = 1e18;
constexpr std::size_t k_longest_name = 128;

bool is_within(const Json& j, double most) {
  return j.is_number() && j.get<double>() >= 0 && j.get<double>() <= most;
}

std::optional<Duration> read_span(const Json& j, const char* key) {
  const auto span = j.find(key);
  if (span == j.end() || !is_within(*span, k_longest_s)) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(span->get<double>()));
}

Json list_of(const Json& j, const char* key) {
  const auto found = j.find(key);
  return found != j.end() && found->is_array() ? *found : Json::array();
}

/// [storage, step, verify], each may be null.
void read_parts(const Json& j, const Json& storages, saving::SaveSample& out) {
  if (!j.is_array() || j.size() != 3) {
    return;
  }
  if (j[0].is_number_unsigned() && j[0].get<std::size_t>() < storages.size()) {
    const auto& name = storages[j[0].get<std::size_t>()];
    out.storage = name.is_string() ? name.get<std::string>() : std::string();
    if (out.storage.size() > k_longest_name) {
      out.storage.clear(); // none of ours; a part of it might be no text
    }
  }
  const auto part = [&](const Json& v, double whole) {
    return is_within(v, whole) ? std::optional(v.get<double>()) : std::nullopt;
  };
  out.step = part(j[1], out.pause);
  out.verify = part(j[2], out.copy);
}

} // namespace

Json history_json(const policy::SaveHistory& history) {
  auto saves = Json::array();
  const auto maybe = [](const std::optional<double>& s) { return s ? Json(*s) : Json(); };
  // Names of storage once: sixty-four saves went to one or two. Programs from before this read only
  // saves of three numbers, so what is told apart stands beside them.
  auto storages = Json::array();
  auto parts = Json::array();
  for (const auto& s : history.saves) {
    saves.push_back({s.pause, s.copy, s.bytes});
    auto index = std::find(storages.begin(), storages.end(), s.storage) - storages.begin();
    if (index == static_cast<std::ptrdiff_t>(storages.size()) && !s.storage.empty()) {
      storages.push_back(s.storage);
    }
    parts.push_back({s.storage.empty() ? Json() : Json(index), maybe(s.step), maybe(s.verify)});
  }
  Json j{{"saves", std::move(saves)}};
  const bool told = std::ranges::any_of(history.saves, [](const saving::SaveSample& s) {
    return s.step || s.verify || !s.storage.empty();
  });
  if (told) {
    j["storages"] = std::move(storages);
    j["parts"] = std::move(parts);
  }
  if (history.first) {
    j["first_s"] = std::chrono::duration<double>(*history.first).count();
  }
  if (history.left) {
    j["left_s"] = std::chrono::duration<double>(*history.left).count();
  }
  return j;
}

policy::SaveHistory read_history(const Json& j) {
  policy::SaveHistory out;
  if (!j.is_object()) {
    return out;
  }
  const auto saves = list_of(j, "saves"), parts = list_of(j, "parts");
  const auto storages = list_of(j, "storages");
  for (std::size_t i = 0; i < saves.size(); ++i) {
    const auto& s = saves[i];
    const bool possible = s.is_array() && s.size() == 3 && is_within(s[0], k_longest_s) &&
                          is_within(s[1], k_longest_s) && is_within(s[2], k_most_bytes);
    if (possible) {
      out.saves.push_back({s[0].get<double>(), s[1].get<double>(), s[2].get<double>()});
      // An older program that wrote only saves dropped the rest; one that is there is whole.
      if (parts.size() == saves.size()) {
        read_parts(parts[i], storages, out.saves.back());
      }
    }
  }
  out.first = read_span(j, "first_s");
  out.left = read_span(j, "left_s");
  out.relearn();
  return out;
}

} // namespace gpujob::store
