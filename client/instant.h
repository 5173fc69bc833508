// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace gpujob::client {

/// What format_rfc3339 wrote: "2026-11-21T05:00:00.250Z", UTC only.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// "3m 12s ago", "in 2h 05m", "now".
std::string relative(WallTime at, WallTime now);

} // namespace gpujob::client
