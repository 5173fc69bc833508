// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::client {

/// Tells the daemon what is said of quotas (`quota.say`), and the user where that is kept and what
/// is left now. Returns the exit code.
Result<int> say(nlohmann::json entries, const std::string& by, bool json);

} // namespace gpujob::client
