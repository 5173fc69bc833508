// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/report/gathered.h"
#include "common/result.h"

namespace gpujob::client {

/// Asks the daemon for all that a report needs. What an older daemon cannot tell is left out.
Result<Gathered> gather(Connection& connection, const ReportScope& scope, WallTime now);

} // namespace gpujob::client
