// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// Reads CLOCK_BOOTTIME and CLOCK_REALTIME. Pure rooms never include this header.
Now read_clocks();

/// The kernel's boot id (/proc/sys/kernel/random/boot_id), "unknown" where it cannot be read.
std::string read_boot_id();

/// RFC 3339 in UTC with milliseconds, "2026-11-21T05:00:00.250Z": what JSON carries.
std::string format_rfc3339(WallTime t);

/// That, or any fraction of a second: UTC only. nullopt for anything else.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// Local time for people, "Sat 21 Nov 17:41:10 CET".
std::string format_local(WallTime t);

} // namespace gpujob
