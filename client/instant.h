// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <string>

namespace gpujob::client {

/// "3m 12s ago", "in 2h 05m", "now".
std::string relative(WallTime at, WallTime now);

} // namespace gpujob::client
