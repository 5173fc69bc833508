// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::durable_requests {

/// The object in a helper's reply, or what went wrong. For the readers of replies only.
Result<nlohmann::json> opened(const Result<std::string>& reply);

} // namespace gpujob::durable_requests
