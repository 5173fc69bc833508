// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace gpujob::client {

/// What gpujob-gpuprobe answers, which is started for it and ended after 3 s: a driver may hang.
/// nullopt: a signal ended the waiting.
Result<std::optional<nlohmann::json>> ask_gpus();

} // namespace gpujob::client
