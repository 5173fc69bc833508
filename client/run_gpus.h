// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/options.h"
#include "common/job_spec.h"
#include "common/result.h"

namespace gpujob::client {

/// Reads --gpus, --gpu-memory, --idle-gpu and --idle-gpu-stop into the spec. Errc::usage.
Result<void> read_gpu_options(const RunOptions& options, JobSpec& spec);

} // namespace gpujob::client
