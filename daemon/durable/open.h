// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/mounts.h"

#include <string>
#include <vector>

namespace gpujob::durable {

struct Opened {
  std::string level; ///< what a proven copy there is: "stored", or "cached" in front of a flush
  std::string filesystem; ///< "fuse.drive", "ext4"
  std::vector<std::string> warnings;
};

/// Whether `dir` can be the durable directory: mounted, writable, proven by a file written and read
/// back. Makes its last component, never its parent: a missing parent is a missing mount.
Result<Opened> open_durable(const std::string& dir, const std::string& require_mount,
                            const MountTable& table);

/// Before each use of a directory that was opened once: it is there and its mount as well.
Result<void> check_durable(const std::string& dir, const MountTable& table);

} // namespace gpujob::durable
