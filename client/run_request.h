// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/options.h"
#include "common/cmdline.h"
#include "common/job_spec.h"
#include "common/result.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// What `gpujob run` sends: the spec as JSON, the command line in a sealed memfd.
struct RunRequest {
  JobSpec spec;
  Cmdline cmdline;
};

/// Checks what can be known without the daemon (the program, the directory, names, numbers) and
/// makes the request. Errc::usage for a wrong option, Errc::refused for a missing program.
Result<RunRequest> make_run_request(const RunOptions& options,
                                    const std::vector<std::string>& environment,
                                    const std::string& cwd);

/// "500M", "1GiB", "65536": bytes. Errc::usage names `what`.
Result<std::int64_t> parse_size(const std::string& text, const std::string& what);

/// Cuts argv and env_names for display so that the request fits into a frame; the memfd has all.
void fit_into_frame(JobSpec& spec);

} // namespace gpujob::client
