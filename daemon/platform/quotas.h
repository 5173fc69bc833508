// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/platform/profile.h"
#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/usage.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// What the platform's quotas leave, by what is written down of all sessions.
namespace gpujob::platform {

/// What counts against quotas.
struct Ledger {
  limits::Usage usage;  ///< of this platform, this session included, until now
  std::string resource; ///< what this session holds: "gpu", "tpu" or "cpu"
};

struct Quota {
  const LimitRule* rule = nullptr; ///< its `what` is a WindowRule
  limits::Horizon horizon;
  std::size_t machines = 0; ///< how many have used it in this period
  std::string note;         ///< why it cannot be counted; empty: it is
};

/// The quotas of a period that are for this variant and plan.
std::vector<Quota> look_at_quotas(const Profile& profile, std::string_view variant,
                                  std::string_view plan, const Ledger& ledger, WallTime now);

/// `limits` of the session view (ARCHITECTURE.md).
nlohmann::json quotas_view(const std::vector<Quota>& quotas);

} // namespace gpujob::platform
