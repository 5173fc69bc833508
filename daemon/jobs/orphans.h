// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gpujob::jobs {

/// KILLs every process whose environment carries GPUJOB_JOB_ID=`job_id`, until none is left or
/// `rounds` looks found some each time. For a job whose shim is gone: nobody else will.
/// Returns how many processes were signalled.
int end_orphans(const std::string& job_id, int rounds = 100);

} // namespace gpujob::jobs
