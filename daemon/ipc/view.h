// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/time.h"
#include "daemon/ipc/storing.h"
#include "daemon/policy/world.h"

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace gpujob::ipc {

/// The job view of ARCHITECTURE.md, of a job of `w`. The command line is cut so that a view always
/// fits a frame. `storing`: read_storing(); only `show` asks for it.
nlohmann::json job_view(const policy::World& w, const policy::Job& job, const StatePaths& paths,
                        Now now, const std::optional<Storing>& storing = {});

/// A line of `ps`.
nlohmann::json short_view(const policy::World& w, const policy::Job& job, Now now);

/// So many jobs a verb that is about several names in its answer, which must fit a frame; of the
/// rest it says how many `more` there are.
constexpr std::size_t k_max_named = 200;

/// Changes exactly when a watcher should hear of it.
std::string view_fingerprint(const policy::Job& job);

} // namespace gpujob::ipc
