// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views.h"
#include "common/time.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// One line how a job ended, and what to do next: "digits parked: session limit; ...".
std::string how_it_ended(const JobView& view);

/// One line: path, step, how far it can be trusted, how it was told of, size, age.
std::string render_checkpoint(const CheckpointView& checkpoint, WallTime now);

/// Everything known of a job, a line each.
std::string render_job(const JobView& view, WallTime now);

/// The table of `gpujob ps`.
std::string render_jobs(const std::vector<JobView>& jobs, WallTime now);

} // namespace gpujob::client
