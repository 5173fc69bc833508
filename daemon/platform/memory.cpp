// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/memory.h"

#include "common/file.h"
#include "common/text.h"

#include <algorithm>

namespace gpujob::platform {

namespace {

constexpr std::size_t k_small_file = 64 * 1024;

std::optional<std::int64_t> read_number(const std::string& path) {
  const auto text = read_file(path, k_small_file);
  const auto n = text ? parse_int(trim(*text)) : std::nullopt;
  return n && *n >= 0 ? std::optional<std::int64_t>(*n) : std::nullopt;
}

/// "inactive_file 123" of memory.stat, "oom_kill 2" of memory.events.
std::int64_t read_field(const std::string& path, const std::string& key) {
  const auto text = read_file(path, k_small_file);
  for (const auto& line : split(text ? *text : "", '\n')) {
    if (line.starts_with(key + " ")) {
      return parse_int(trim(std::string_view(line).substr(key.size() + 1))).value_or(0);
    }
  }
  return 0;
}

/// Directories of this process's group, innermost first: the mount itself is last.
std::vector<std::string> group_dirs(const std::string& root, const std::string& mount,
                                    std::string_view path) {
  std::vector<std::string> out;
  for (std::string below(path); below.size() > 1; below.resize(below.rfind('/'))) {
    out.push_back(root + mount + below);
  }
  out.push_back(root + mount);
  return out;
}

struct Names {
  const char *used, *limit, *cache, *events;
};

std::optional<MemorySeen> read_group(const std::vector<std::string>& dirs, const Names& names) {
  for (const auto& dir : dirs) {
    const auto used = read_number(dir + "/" + names.used);
    const auto limit = read_number(dir + "/" + names.limit);
    // Version 1 writes a number near 2^63 for none, version 2 "max".
    constexpr std::int64_t k_none = std::int64_t{1} << 60U;
    if (used && limit && *limit < k_none) {
      const auto cache = read_field(dir + "/memory.stat", names.cache);
      return MemorySeen{std::max<std::int64_t>(*used - cache, 0), *limit,
                        read_field(dir + "/" + names.events, "oom_kill")};
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<MemorySeen> read_memory(const std::string& root) {
  constexpr Names k_v1{"memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file",
                       "memory.oom_control"};
  constexpr Names k_v2{"memory.current", "memory.max", "inactive_file", "memory.events"};
  const auto text = read_file(root + "/proc/self/cgroup", k_small_file);
  for (const auto& line : split(text ? *text : "", '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const auto controllers =
        split(std::string_view(line).substr(first + 1, second - first - 1), ',');
    const auto path = std::string_view(line).substr(second + 1);
    const bool v1 = std::ranges::find(controllers, "memory") != controllers.end();
    const bool v2 = controllers.empty() || controllers.front().empty();
    if (!v1 && !v2) {
      continue;
    }
    if (auto seen =
            read_group(group_dirs(root, v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", path),
                       v1 ? k_v1 : k_v2)) {
      return seen;
    }
  }
  return std::nullopt;
}

} // namespace gpujob::platform
