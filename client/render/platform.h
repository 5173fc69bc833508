// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::client {

/// One platform with the source, date and confidence of each statement. `profile` is a document of
/// schema/platforms.
std::string render_platform(const nlohmann::json& profile);

} // namespace gpujob::client
