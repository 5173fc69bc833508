// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where the kernel shows what this process's control group uses, version 2 or 1.
namespace gpujob::platform {

struct Group {
  bool v1 = false;
  std::vector<std::string> dirs; ///< innermost first: the mount itself is last
};

/// The groups that may account for `controller` ("memory"), as /proc/self/cgroup lists them. `root`
/// stands for "/" in tests.
std::vector<Group> find_groups(const std::string& root, std::string_view controller);

/// The number that a file holds; nullopt: none, or no file. Never negative.
std::optional<std::int64_t> read_group_number(const std::string& path);

/// "inactive_file 123" of memory.stat, "oom_kill 2" of memory.events; nullopt: no such line.
std::optional<std::int64_t> read_group_field(const std::string& path, const std::string& key);

} // namespace gpujob::platform
