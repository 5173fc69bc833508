// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "daemon/policy/world.h"

#include <cstdint>
#include <optional>

namespace gpujob::ipc {

/// How far the copy of one checkpoint is, by the helper's own word (durable/progress.h).
struct Storing {
  int seq = 0;
  std::int64_t done = 0, total = 0; ///< bytes; done <= total, total > 0
  std::optional<double> per_second;
};

/// It is with the helper now.
bool is_being_stored(const policy::Checkpoint& c);

/// Reads one small file of the state directory, and only while a checkpoint of the job is being
/// stored. nullopt: not known, which is also what a helper that was killed leaves.
std::optional<Storing> read_storing(const StatePaths& paths, const policy::Job& job);

} // namespace gpujob::ipc
