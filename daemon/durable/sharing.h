// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/scan.h"

#include <cstdint>
#include <string>
#include <vector>

/// A file that an earlier checkpoint of the job has stored is not stored twice.
namespace gpujob::durable {

/// Whether `writer` may remove and refer to what this attempt holds: its own, and earlier ones. A
/// later attempt, or one of the same number elsewhere, may be alive: it is not ours to judge.
bool is_within_reach(const AttemptKey& attempt, const AttemptKey& writer);

/// A checkpoint that is to be stored, and what of it is there.
struct Sharing {
  Manifest manifest; ///< `at` is set in files that are there
  /// The manifests that keep those files. While they are there, nobody removes the files.
  std::vector<std::string> keepers;

  /// Bytes that have to be copied.
  [[nodiscard]] std::uint64_t needed() const;
};

/// Nothing of `m` shared.
Sharing share_nothing(const Manifest& m);

/// By size and hash, as the manifests of `stored` have them; of two the later one counts.
Sharing share(const Manifest& m, const std::vector<const StoredCheckpoint*>& stored);

/// The same, and every byte that is shared read back from `dir` and found to be what it was: what
/// the storage has lost is to be copied anew.
Sharing share_proven(const std::string& dir, const Manifest& m,
                     const std::vector<const StoredCheckpoint*>& stored);

} // namespace gpujob::durable
