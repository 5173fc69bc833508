// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <optional>

namespace gpujob::policy {

/// When a job that saves only at the end of a step, and tells of its steps, should be asked for its
/// last save: in the middle of the step at whose end it should save. nullopt: it is not known to be
/// such a job, or no step ends in time. `running.saving` must have a plan.
std::optional<BootTime> last_within_step(const World& w, const Job& job, const Running& running,
                                         Now now);

} // namespace gpujob::policy
