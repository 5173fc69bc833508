// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <string>

/// What lies below a path, for limits that platforms put on it.
namespace gpujob::durable {

struct DiskUse {
  std::uint64_t used_bytes = 0, files = 0;
  std::uint64_t free_bytes = 0; ///< of its filesystem
  bool complete = true;         ///< false: there is more than was counted
};

/// Counts regular files, following no link and leaving no filesystem, at most `most` entries.
/// Errc::not_found when there is no such directory.
Result<DiskUse> measure_disk(const std::string& path, std::uint64_t most = 200'000);

} // namespace gpujob::durable
