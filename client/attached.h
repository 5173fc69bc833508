// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/follow.h"
#include "client/views/job.h"
#include "client/watcher.h"
#include "common/result.h"

#include <optional>
#include <string>

namespace gpujob::client {

/// How being attached to a job came to its end. No exit code: detached, the job goes on.
struct AttachedEnd {
  JobView view;
  std::optional<int> exit;
};

/// Streams the job's output to stdout and what the daemon says of it to stderr until it has ended
/// or we are told to leave it (Ctrl-C, SIGTERM, nobody reads stdout). Attempt after attempt: each
/// log is finished before the next one begins, from the one that `since` shows on; `from` is for
/// that one. Since the caller read `since`, attempts may have come and gone.
Result<AttachedEnd> stay_attached(Watcher& watcher, const JobView& since, LogFollower::From from);

/// The same wait without the output, for --json.
Result<AttachedEnd> stay_quiet(Watcher& watcher);

} // namespace gpujob::client
