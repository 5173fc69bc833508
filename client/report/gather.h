// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/report/gathered.h"
#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace gpujob::client {

/// Asks the daemon for all that a report needs. What an older daemon cannot tell is left out.
Result<Gathered> gather(Connection& connection, const ReportScope& scope, WallTime now);

/// One page of an answer, read strictly.
Result<std::vector<EventView>> read_events(const nlohmann::json& page);
Result<std::vector<AttemptView>> read_attempts(const nlohmann::json& page);
Result<std::vector<UseView>> read_uses(const nlohmann::json& page);
/// Adds a page's points to the GPUs there are, and those that are new; sets why there are none.
Result<void> read_gpus(const nlohmann::json& page, std::vector<GpuSeen>& gpus, std::string& note);

} // namespace gpujob::client
