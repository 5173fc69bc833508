// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace gpujob::gpu {

/// A device of which nothing is known but that it is there: every key, null where nobody has said
/// more. So who reads a reply meets no device with other keys.
nlohmann::json empty_device(const char* vendor, unsigned index);

/// What a driver calls a thing, printable; null when it gives no name, or an empty one.
nlohmann::json name_or_null(const std::optional<std::string>& name);

} // namespace gpujob::gpu
