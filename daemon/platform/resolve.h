// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/result.h"
#include "daemon/platform/facts.h"
#include "daemon/platform/inputs.h"
#include "daemon/platform/settings.h"

#include <optional>
#include <string>
#include <vector>

namespace gpujob::platform {

struct ResolveRequest {
  Inputs inputs;
  Facts facts;
  std::optional<SessionSettings> stored; ///< the newest in the database, of whatever session
  bool revive = false;                   ///< a shim started us: what is stored wins over flags too
  std::string new_session_id;            ///< taken when this is a new session
  ChosenPath state_dir, runtime_dir;     ///< chosen before, reported with the rest
};

/// Settles every setting. A new session: flag, environment, config, profile. The same session
/// again: flag, what a person said when it was stored, environment, config, what else was stored.
/// An explicit
/// --session-start that differs from the stored one makes a new session. Errc::usage or bad_data
/// when somebody said something that cannot be.
Result<SessionSettings> resolve_settings(const ResolveRequest& request,
                                         const std::vector<Profile>& profiles, Now now);

} // namespace gpujob::platform
