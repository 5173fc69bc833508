// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/world.h"

#include <string>

/// The JSON columns of a job's row.
namespace gpujob::store {

/// What the job's state alone has (jobs.state_data).
std::string encode_state(const policy::Job& job);
/// `state` is the word of jobs.state. What belongs to another boot is the caller's matter.
Result<policy::JobState> decode_state(const std::string& state, const std::string& data);

/// The rest (jobs.more).
std::string encode_more(const policy::Job& job);
Result<void> decode_more(const std::string& text, policy::Job& job);

Result<policy::CheckpointState> checkpoint_state_from_text(const std::string& text);

} // namespace gpujob::store
