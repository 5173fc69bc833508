// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/time.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// Members that several views of the daemon have. What is absent or null is empty; what is of
/// another type is the reader's error.
namespace gpujob::client::fields {

/// A text, or bytes that are none.
std::string bytes_or_empty(json::Reader& r, const char* key);

std::optional<WallTime> instant(json::Reader& r, const char* key);

std::optional<int> small(json::Reader& r, const char* key);

/// Those that are numbers.
std::vector<double> numbers(json::Reader& r, const char* key);

/// Strings as they are, anything else as JSON: evidence and settings may be either.
std::string shown(const nlohmann::json& value);
std::vector<std::string> shown_list(json::Reader& r, const char* key);

/// Reads the object under `key` with `read`; absent and null read nothing.
template <typename Read>
void nested(json::Reader& r, const char* key, Read read) {
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

} // namespace gpujob::client::fields
