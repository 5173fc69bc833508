// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/gathered.h"
#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// One page of an answer of the daemon, read strictly.
namespace gpujob::client {

Result<std::vector<JobView>> read_jobs(const nlohmann::json& page);
Result<std::vector<EventView>> read_events(const nlohmann::json& page);
Result<std::vector<AttemptView>> read_attempts(const nlohmann::json& page);
Result<std::vector<UseView>> read_uses(const nlohmann::json& page);
/// Adds a page's points to the GPUs there are, and those that are new; sets why there are none.
Result<void> read_gpus(const nlohmann::json& page, std::vector<GpuSeen>& gpus, std::string& note);

} // namespace gpujob::client
