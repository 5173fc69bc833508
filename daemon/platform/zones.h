// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/limits/zone.h"

#include <string>

namespace gpujob::platform {

/// A time zone of this machine's tzdata by its name; "UTC" needs none. Errc::not_found names it.
Result<limits::Zone> load_zone(const std::string& name);

} // namespace gpujob::platform
