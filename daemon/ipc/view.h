// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/time.h"
#include "daemon/policy/world.h"

#include <nlohmann/json_fwd.hpp>

namespace gpujob::ipc {

/// The job view of ARCHITECTURE.md. The command line is cut so that a view always fits a frame.
nlohmann::json job_view(const policy::Job& job, const StatePaths& paths, Now now);

/// A line of `ps`.
nlohmann::json short_view(const policy::Job& job, Now now);

/// Changes exactly when a watcher should hear of it.
std::string view_fingerprint(const policy::Job& job);

} // namespace gpujob::ipc
