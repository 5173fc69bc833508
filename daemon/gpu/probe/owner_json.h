// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"

#include <nlohmann/json_fwd.hpp>

namespace gpujob::gpu {

/// Adds to the processes of `reply` who they are, and those that no driver lists. `found` is of the
/// same reply.
void add_owners(nlohmann::json& reply, const GpuSnapshot& found, bool with_programs);

/// The driver's list is of no use while nobody can be named: no process of `reply` is told any
/// more, and that this is why.
void drop_processes(nlohmann::json& reply);

} // namespace gpujob::gpu
