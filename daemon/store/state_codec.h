// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/job.h"

#include <string>

namespace gpujob::store {

/// What the job's state alone has (jobs.state_data), as JSON.
std::string encode_state(const policy::Job& job);
/// `state` is the word of jobs.state. What belongs to another boot is the caller's matter.
Result<policy::JobState> decode_state(const std::string& state, const std::string& data);

} // namespace gpujob::store
