// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/job.h"

#include <string>

namespace gpujob::client {

/// The table of `gpujob checkpoints`, 80 columns wide: the newest is last, and below a checkpoint
/// why it is not confirmed, or not durable.
std::string render_checkpoints(const JobView& view);

} // namespace gpujob::client
