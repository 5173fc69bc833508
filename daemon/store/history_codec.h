// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/save_history.h"

#include <nlohmann/json_fwd.hpp>

/// What past saves tell, as JSON: in a job's row, and beside its checkpoints for other sessions.
namespace gpujob::store {

/// {"saves": [[pause, copy, bytes] ...] (seconds), "first_s": seconds}; the newest 64. Where more
/// is known: "storages": [name ...], and for each save "parts": [[storage (an index), step, verify]
/// ...].
nlohmann::json history_json(const policy::SaveHistory& history);

/// What cannot be is left out: it is only experience.
policy::SaveHistory read_history(const nlohmann::json& j);

} // namespace gpujob::store
