// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "daemon/policy/world.h"

#include <vector>

namespace gpujob::jobs {

/// The jobs whose shims live, from their attempts' directories alone: for a daemon whose database
/// is lost. They come as running or starting; adopting them replays their journals.
std::vector<policy::Job> rebuild_living(const StatePaths& state, Now now);

} // namespace gpujob::jobs
