// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::client {

/// A line per snapshot: when, why, whose, and how each GPU was.
std::string render_gpu_snapshots(const nlohmann::json& snapshots);

} // namespace gpujob::client
