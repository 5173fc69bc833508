// SPDX-License-Identifier: Apache-2.0
#include "client/views/fields.h"

#include "common/clock.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace gpujob::client::fields {

using Json = nlohmann::json;

std::string bytes_or_empty(json::Reader& r, const char* key) {
  return r.find(key) == nullptr ? std::string{} : r.bytes(key);
}

std::optional<WallTime> instant(json::Reader& r, const char* key) {
  if (r.find(key) == nullptr) {
    return std::nullopt;
  }
  auto at = parse_rfc3339(r.text(key));
  if (!at) {
    r.fail(key, "is not an instant");
  }
  return at;
}

std::optional<int> small(json::Reader& r, const char* key) {
  const auto value = r.maybe_integer(key);
  if (value && (*value < INT32_MIN || *value > INT32_MAX)) {
    r.fail(key, "is out of range");
  }
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

std::vector<double> numbers(json::Reader& r, const char* key) {
  std::vector<double> out;
  const auto* list = r.find(key);
  for (const auto& item : list == nullptr ? Json::array() : *list) {
    if (item.is_number()) {
      out.push_back(item.get<double>());
    }
  }
  return out;
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json::dump(value);
}

std::vector<std::string> shown_list(json::Reader& r, const char* key) {
  std::vector<std::string> out;
  const auto* list = r.find(key);
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    r.fail(key, "is not a list");
    return out;
  }
  for (const auto& item : *list) {
    out.push_back(shown(item));
  }
  return out;
}

} // namespace gpujob::client::fields
