// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <nlohmann/json_fwd.hpp>

namespace gpujob::ipc {

/// `saving` of the job view: what its saves are planned by; null where nothing is known to plan by.
nlohmann::json saving_view(const policy::Job& job, Now now);

} // namespace gpujob::ipc
