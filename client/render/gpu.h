// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"

#include <string>

namespace gpujob::client {

/// Tables of GPUs and of who uses them, then what is not well; at most 80 columns. What is not
/// known is "?".
std::string render_gpus(const GpuSnapshot& snapshot);

} // namespace gpujob::client
