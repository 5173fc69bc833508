// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "daemon/platform/limit_rule.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// Shared by what reads profiles. Errors name the profile and the key.
namespace gpujob::platform {

inline std::string below(const std::string& where, const char* key) {
  return where + "." + key;
}
inline std::string below(const std::string& where, const char* key, std::size_t index) {
  return fmt::format("{}.{}[{}]", where, key, index);
}

inline Error wrong(const std::string& where, const char* why) {
  return Error{Errc::bad_data, fmt::format("{}: {}", where, why)};
}

inline Confidence read_confidence(json::Reader& r) {
  const auto c = confidence_from_text(r.text("confidence"));
  if (!c) {
    r.fail("confidence", "is not low, medium or high");
  }
  return c.value_or(Confidence::low);
}

/// Whole seconds, from one to a year; nullopt where it is null or absent.
inline std::optional<Duration> read_span(json::Reader& r, const char* key) {
  const auto s = r.maybe_integer(key);
  if (s && (*s <= 0 || *s > 366 * 86400)) {
    r.fail(key, "is not within 1 and a year");
    return std::nullopt;
  }
  return s ? std::optional<Duration>(std::chrono::seconds{*s}) : std::nullopt;
}

/// Reads each element of the list `key` with `read`; an absent list is empty.
template <typename T, typename ReadOne>
Result<std::vector<T>> read_list(const json::Json& object, const char* key,
                                 const std::string& where, ReadOne read) {
  std::vector<T> out;
  const auto it = object.find(key);
  if (it == object.end()) {
    return out;
  }
  if (!it->is_array()) {
    return wrong(below(where, key), "is not a list");
  }
  for (std::size_t i = 0; i < it->size(); ++i) {
    auto item = read((*it)[i], below(where, key, i));
    if (!item) {
      return item.error();
    }
    out.push_back(std::move(*item));
  }
  return out;
}

/// One of a profile's `limits`: limit_json.cpp.
Result<LimitRule> read_limit(const json::Json& j, const std::string& where);

} // namespace gpujob::platform
