// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/sharing.h"

#include <chrono>
#include <string>

namespace gpujob::durable {

class Progress;

struct Mirrored {
  Result<std::string> path; ///< .../checkpoints/<seq>
  bool is_full = false;     ///< the storage said that it is full (ENOSPC, EDQUOT)
  bool lost_shared = false; ///< what was to be shared went meanwhile: share nothing and retry
};

/// Copies the checkpoint that `sharing` describes (hashed a moment ago at its source) into the
/// durable directory `dir`: data under a temporary name, fsync, rename, read back, and the manifest
/// last, with the time since `began`. Errc::refused: the source changed meanwhile, hash it again
/// and retry; nothing of a failed copy stays. What is shared was proven by the caller.
/// `there` lies under the temporary name already; null: nothing does.
/// One of this number that is there and has lost bytes is mended file by file.
Mirrored mirror(const std::string& dir, const Sharing& sharing,
                std::chrono::steady_clock::time_point began, const Paths* there = nullptr,
                Progress* progress = nullptr);

} // namespace gpujob::durable
