// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <string>

namespace gpujob::ipc {

/// What a client wants to know of the GPUs.
struct GpuQuery {
  std::optional<Duration> history; ///< so far back; nullopt: only how they are now
  std::string gpu;                 ///< only this one's history; empty: all
  std::string cursor;              ///< `next` of the page before, or empty
};

struct GpuSnapshotsQuery {
  std::optional<std::string> job; ///< an id; nullopt: all
  std::string cursor;
};

} // namespace gpujob::ipc
