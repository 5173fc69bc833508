// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/job.h"

#include <string>
#include <utility>
#include <vector>

namespace gpujob::client {

/// Label and text of each line that says when a job will be asked to save, and why then. Empty:
/// nothing is planned by what was learned.
std::vector<std::pair<std::string, std::string>> saving_lines(const JobView& v, WallTime now);

} // namespace gpujob::client
