// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable_start.h"
#include "daemon/platform/quotas.h"
#include "daemon/platform/settings.h"
#include "daemon/policy/world.h"
#include "daemon/store/store.h"

#include <string>
#include <vector>

/// What the core believes of a session when its daemon starts.
namespace gpujob {

policy::World make_world(const platform::SessionSettings& settings, const DurableStart& durable,
                         const std::vector<store::StoredJob>& jobs, Now now);

/// Of this platform: what other sessions have written down, and this one until now.
platform::Ledger make_ledger(const platform::SessionSettings& settings, const std::string& resource,
                             const std::string& machine,
                             const std::vector<durable_requests::SessionUse>& uses, Now now);

/// Plans to the quota that ends this session first, where that is before its own limit; `margin`,
/// at most a tenth of the session until then, is kept free before it. One that by our count has
/// ended it already does not know all, since it lives. Returns what the user should hear, or
/// nothing.
std::string plan_to_quota(policy::Session& session, const std::vector<platform::Quota>& quotas,
                          const platform::SessionSettings& settings, Duration margin, Now now);

} // namespace gpujob
