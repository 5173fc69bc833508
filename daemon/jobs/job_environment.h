// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/launch.h"
#include "common/paths.h"
#include "common/time.h"
#include "daemon/policy/world.h"

#include <optional>
#include <string>

namespace gpujob::jobs {

/// Where things are for this daemon.
struct Places {
  RuntimePaths runtime;
  StatePaths state;
  std::string shim_exe; ///< absolute
  Revive revive;
};

/// launch.json of the job's current attempt: what gpujob gives a job (README, "What a job can
/// say"). Pure.
Launch make_launch(const Places& places, const policy::Job& job, const Plan& plan,
                   std::optional<WallTime> deadline);

} // namespace gpujob::jobs
