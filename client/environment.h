// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/environment.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gpujob::client {

/// The environment as we got it.
std::vector<std::string> own_environment();

/// Less what a surrounding job was given: a job or daemon started from inside a job must not take
/// that job's name, deadline or notify socket for its own.
std::vector<std::string> without_job_variables(std::vector<std::string> environment);

/// "NAME=value" entries with these values set, replacing others of that name.
std::vector<std::string>
with_values(std::vector<std::string> environment,
            const std::vector<std::pair<std::string, std::string>>& values);

/// The directories of PATH, in order; a relative entry, which would find whatever lies in the
/// current directory, is left out.
std::vector<std::string> path_dirs(const std::vector<std::string>& environment);

} // namespace gpujob::client
