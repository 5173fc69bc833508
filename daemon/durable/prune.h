// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/place.h"
#include "daemon/durable/scan.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gpujob::durable {

struct Pruned {
  int checkpoints = 0;
  std::uint64_t bytes = 0;
};

/// What `prune` would remove: the oldest valid checkpoints of the job beyond the newest `keep` (at
/// least one always stays), of the writer's attempt and earlier ones; oldest first. Pointers into
/// `job`.
std::vector<const StoredCheckpoint*> beyond(const StoredJob& job, const AttemptKey& writer,
                                            std::int64_t keep);

/// Bytes that only `doomed` hold, of all checkpoints of `job`.
std::uint64_t bytes_only_in(const std::vector<const StoredCheckpoint*>& doomed,
                            const StoredJob& job);

/// Called for checkpoint `seq` of `writer`. Takes the manifests of beyond() away, one after the
/// other, and then removes every file that no manifest refers to any more, also of checkpoints that
/// were pruned before, and of copies that were never finished. While a manifest of the job cannot
/// be read, or makes no sense, nothing goes: nobody knows what it refers to.
Pruned prune(const std::string& dir, const AttemptKey& writer, std::int64_t seq, std::int64_t keep);

/// Whether a manifest refers to a file of `checkpoint` (.../checkpoints/<seq>), other than its own.
/// An error: that cannot be told.
Result<bool> is_referred_to(const std::string& checkpoint);

} // namespace gpujob::durable
