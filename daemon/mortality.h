// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable_requests.h"
#include "daemon/policy/world.h"

#include <string_view>
#include <vector>

/// How sessions of a platform have ended, as the ledger tells it: the ground for how often to save.
namespace gpujob {

/// Of those that are over, and of those that live as far as they have come. One that said that it
/// ended has not died; nor has one that was last heard of near the end that it expected. `now` is
/// of the wall clock; `silence` is how long after its last word one is taken for dead.
policy::Session::Deaths count_deaths(const std::vector<durable_requests::SessionUse>& uses,
                                     std::string_view platform, WallTime now, Duration silence);

} // namespace gpujob
