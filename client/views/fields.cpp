// SPDX-License-Identifier: Apache-2.0
#include "client/views/fields.h"

#include "common/clock.h"
#include "common/json.h"

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client::fields {

using json::Json;

void need(json::Reader& r, const char* key) {
  if (r.find(key) == nullptr) {
    r.fail(key, "is missing");
  }
}

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
  for (const auto& item : list(r, key)) {
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
  for (const auto& item : list(r, key)) {
    out.push_back(shown(item));
  }
  return out;
}

void nested(json::Reader& r, const char* key, const Read& read) {
  const auto* object = r.find(key);
  if (object == nullptr) {
    return;
  }
  json::Reader inner(*object, key);
  read(inner);
  if (!inner.ok()) {
    r.fail(key, inner.error().text.c_str());
  }
}

const Json& list(json::Reader& r, const char* key) {
  static const Json k_none = Json::array();
  const auto* found = r.find(key);
  if (found == nullptr) {
    return k_none;
  }
  if (!found->is_array()) {
    r.fail(key, "is not a list");
    return k_none;
  }
  return *found;
}

void each_object(json::Reader& r, const char* key, const Read& read) {
  int number = 0;
  for (const auto& item : list(r, key)) {
    json::Reader one(item, fmt::format("number {}", ++number));
    read(one);
    if (!one.ok()) {
      r.fail(key, one.error().text.c_str());
      return;
    }
  }
}

} // namespace gpujob::client::fields
