// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/job_spec.h"
#include "common/result.h"

namespace gpujob::client {

/// What can be known here of --checkpoint-cmd, --checkpoint-copy and --recipe. Errc::usage.
Result<void> check_routes(const JobSpec& spec);

} // namespace gpujob::client
