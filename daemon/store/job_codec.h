// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/job.h"

#include <string>

namespace gpujob::store {

/// What of a job has no column of its own and is not of its state (jobs.more), as JSON.
std::string encode_more(const policy::Job& job);
Result<void> decode_more(const std::string& text, policy::Job& job);

Result<policy::CheckpointState> checkpoint_state_from_text(const std::string& text);

} // namespace gpujob::store
