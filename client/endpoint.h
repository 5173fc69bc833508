// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/result.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// Where the daemon of this user listens, or would.
struct Endpoint {
  RuntimePaths runtime;
  std::string origin; ///< flag, environment, config, default, job
  /// Not from inside a job whose daemon it is: what a job starts ends with the job.
  bool may_start = true;
};

/// --runtime, else $GPUJOB_RUNTIME_DIR, else inside a job the daemon that runs it
/// ($GPUJOB_SOCKET), else what common/paths.h says. Reads config.json; Errc::usage when it is bad.
Result<Endpoint> locate_daemon(const std::vector<std::string>& environment,
                               const std::string& flag_runtime = {});

} // namespace gpujob::client
