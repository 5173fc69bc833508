// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::client {

/// Tables of GPUs and of who uses them, then what is not well; at most 80 columns. What is not
/// known is "?".
std::string render_gpus(const GpuSnapshot& snapshot, bool first_namespace);

/// The probe's reply with what was found out here of each process.
nlohmann::json gpu_document(nlohmann::json reply, const GpuSnapshot& snapshot,
                            bool first_namespace);

} // namespace gpujob::client
