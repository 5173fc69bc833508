// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gpujob::durable {

struct Mount {
  std::string point;
  std::string type; ///< "fuse.drive", "ext4"
};

/// What is mounted, and what should be.
struct MountTable {
  std::vector<Mount> mounted; ///< of /proc/self/mounts, in its order
  std::vector<Mount> wanted;  ///< of /etc/fstab

  /// The mount that `path` (absolute, without links) lies on; type "unknown" when none is listed.
  [[nodiscard]] Mount covering(std::string_view path) const;
};

MountTable parse_mounts(std::string_view mounts, std::string_view fstab);
MountTable read_mounts();

/// Whether `path` is `point` or lies below it.
bool lies_under(std::string_view path, std::string_view point);

/// FUSE of any kind.
bool is_fuse(std::string_view type);

/// Refuses a path where a mount should be and is not: what is written there would be on the VM's
/// own disk. `require_mount` is a file system type or "".
Result<Mount> check_mount(const std::string& path, const std::string& require_mount,
                          const MountTable& table);

} // namespace gpujob::durable
