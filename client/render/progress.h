// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/job.h"
#include "common/time.h"

#include <string>

namespace gpujob::client {

/// "45 %, about 2h 05m left"; empty: the job tells nothing of its progress. For a line of ps.
std::string progress_text(const JobView& v);

/// The same with where it is known from, and whether it fits into this session. For `show`.
std::string progress_sentence(const JobView& v, WallTime now);

} // namespace gpujob::client
