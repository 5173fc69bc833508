// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/time.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// Members that several views of the daemon have. What is absent or null is empty; what is of
/// another type is the reader's error.
namespace gpujob::client::fields {

/// Here absent and null are an error, too.
void need(json::Reader& r, const char* key);

/// A text, or bytes that are none.
std::string bytes_or_empty(json::Reader& r, const char* key);

std::optional<WallTime> instant(json::Reader& r, const char* key);

std::optional<int> small(json::Reader& r, const char* key);

/// Those that are numbers.
std::vector<double> numbers(json::Reader& r, const char* key);

/// Strings as they are, anything else as JSON: evidence and settings may be either.
std::string shown(const nlohmann::json& value);
std::vector<std::string> shown_list(json::Reader& r, const char* key);

using Read = std::function<void(json::Reader&)>;

/// Reads the object under `key` with `read`; absent and null read nothing.
void nested(json::Reader& r, const char* key, const Read& read);

/// The list under `key`, for as long as what `r` reads.
const nlohmann::json& list(json::Reader& r, const char* key);

/// Reads the objects of the list under `key` with `read`, until one has an error, which names its
/// place.
void each_object(json::Reader& r, const char* key, const Read& read);

} // namespace gpujob::client::fields
