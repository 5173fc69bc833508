// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/look.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::gpu {

/// `devices` of the answer to `gpu`; `name_of` says what a job is called.
nlohmann::json devices_view(const Look& look, const Now& now,
                            const std::function<std::string(const std::string&)>& name_of);

/// A point of a history: [unix seconds, use, memory, temperature, power].
nlohmann::json point_view(const GpuSample& sample);

} // namespace gpujob::gpu
