// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable_requests.h"

#include <nlohmann/json_fwd.hpp>

namespace gpujob::durable_requests {

/// What the newest heartbeats in the reply to a scan say: the leases of other sessions and what
/// they have used, and how far this one has counted. For read_scan() only.
void read_heartbeats(const nlohmann::json& reply, const Place& place, Scanned& out);

} // namespace gpujob::durable_requests
