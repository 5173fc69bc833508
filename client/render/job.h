// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/job.h"
#include "common/time.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// One line how a job ended, and what to do next: "digits parked: session limit; ...".
std::string how_it_ended(const JobView& view);

/// One line: path, step, how far it can be trusted, how it was told of, size, age.
std::string render_checkpoint(const CheckpointView& checkpoint, WallTime now);

/// "1.2 of 2 GB, 310 MB/s"; empty where it is not being stored, or how far it is is not known.
std::string storing_text(const CheckpointView& checkpoint);
/// "storing m1047.pt: 1.2 of 2 GB, 310 MB/s"; empty likewise.
std::string storing_line(const CheckpointView& checkpoint);

/// Everything known of a job, a line each.
std::string render_job(const JobView& view, WallTime now);

/// The table of `gpujob ps`.
std::string render_jobs(const std::vector<JobView>& jobs, WallTime now);

} // namespace gpujob::client
