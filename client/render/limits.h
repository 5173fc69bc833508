// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/session.h"

#include <string>
#include <vector>

/// A line for each of the platform's limits, as `gpujob quota` tells them.
namespace gpujob::client {

/// "quota (gpu)", "idle", "disk /tmp".
std::string limit_label(const LimitView& limit);

std::string limit_line(const LimitView& limit, const SessionView& session, WallTime now);

/// Where its numbers come from; `durable`: uses of other machines are written down.
std::vector<std::string> explain_limit(const LimitView& limit, bool durable);

} // namespace gpujob::client
