// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <string>
#include <variant>
#include <vector>

/// What shall be done outside. Intents are stored before anything is performed; each outcome comes
/// back as an event.
namespace gpujob::policy {

/// Choose and restore the checkpoint to resume from; answer: Prepared.
struct Prepare {
  JobId id;
  int attempt = 0;
  std::vector<AssignedGpu> gpus{}; ///< of a new attempt
};
/// Start the shim; answers: LaunchFailed, or ShimRecord Started.
struct Launch {
  JobId id;
  int attempt = 0;
  Plan plan;
  std::vector<AssignedGpu> gpus{}; ///< of a new attempt
};
struct SendPlan {
  JobId id;
  int attempt = 0;
  Plan plan;
};
struct SendRequest {
  JobId id;
  int attempt = 0;
  std::int64_t number = 0;
};
/// Verify, hash and copy one checkpoint; answer: Secured.
struct Secure {
  JobId id;
  int seq = 0;
};
/// Write spec.json or end.json of the attempt; answer: RecordWritten.
struct WriteRecord {
  JobId id;
  bool end = false;
};
/// Write a heartbeat, the lease on what runs; answer: HeartbeatWritten.
struct Heartbeat {
  std::int64_t seq = 0;
};

using Action = std::variant<Prepare, Launch, SendPlan, SendRequest, Secure, WriteRecord, Heartbeat>;

struct Decision {
  std::vector<Action> actions;
  std::optional<BootTime> next_wakeup;
};

} // namespace gpujob::policy
