// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string_view>

/// The operations of the helper: each reads its request strictly, does one thing, makes the reply.
namespace gpujob::durable {

/// `reader` reads `request`.
using Op = Result<nlohmann::json> (*)(json::Reader& reader, const nlohmann::json& request);

/// nullptr for an unknown name.
Op find_op(std::string_view name);

/// Whether it gives way to the jobs: it reads and writes whole checkpoints while they run. A start
/// waits for `resume`, and all others are short.
bool is_background(std::string_view name);

} // namespace gpujob::durable
