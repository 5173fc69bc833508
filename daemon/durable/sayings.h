// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "daemon/durable/scan.h"

#include <string>
#include <vector>

/// What people said of quotas: `said/<id>.json`, written once and never changed, so that those of
/// several machines are the union of their files. What stands in them is not this room's to know.
namespace gpujob::durable {

Result<void> write_saying(const std::string& dir, const json::Json& said);

/// Those of all directories; what cannot be read as one is a problem.
std::vector<json::Json> read_sayings(const std::vector<std::string>& roots, Problems& problems);

} // namespace gpujob::durable
