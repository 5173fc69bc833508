// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable_start.h"
#include "daemon/platform/settings.h"
#include "daemon/policy/world.h"
#include "daemon/store/store.h"

#include <vector>

/// What the core believes of a session when its daemon starts.
namespace gpujob {

policy::World make_world(const platform::SessionSettings& settings, const DurableStart& durable,
                         const std::vector<store::StoredJob>& jobs, Now now);

} // namespace gpujob
