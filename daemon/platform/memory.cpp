// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/memory.h"

#include "common/file.h"
#include "daemon/platform/cgroup.h"

#include <algorithm>
#include <charconv>

namespace gpujob::platform {

namespace {

struct Names {
  const char *used, *limit, *cache, *events;
};
constexpr Names k_v1{"memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file",
                     "memory.oom_control"};
constexpr Names k_v2{"memory.current", "memory.max", "inactive_file", "memory.events"};

/// "some avg10=1.23 avg60=..." of a pressure file, in percent.
std::optional<double> read_pressure(const std::string& path) {
  const auto text = read_file(path, 4096);
  constexpr std::string_view k_some = "some avg10=";
  if (!text || !text->starts_with(k_some)) {
    return std::nullopt;
  }
  double percent = -1;
  const auto* begin = text->data() + k_some.size();
  const auto [end, ec] = std::from_chars(begin, text->data() + text->size(), percent);
  return ec == std::errc{} && percent >= 0 && percent <= 100 ? std::optional(percent)
                                                             : std::nullopt;
}

std::optional<MemorySeen> read_group(const std::string& root, const Group& group) {
  const auto& names = group.v1 ? k_v1 : k_v2;
  for (const auto& dir : group.dirs) {
    const auto used = read_group_number(dir + "/" + names.used);
    const auto limit = read_group_number(dir + "/" + names.limit);
    // Version 1 writes a number near 2^63 for none, version 2 "max".
    constexpr std::int64_t k_none = std::int64_t{1} << 60U;
    if (used && limit && *limit < k_none) {
      const auto cache = read_group_field(dir + "/memory.stat", names.cache).value_or(0);
      const auto pressure = read_pressure(dir + "/memory.pressure");
      return MemorySeen{std::max<std::int64_t>(*used - cache, 0), *limit,
                        read_group_field(dir + "/" + names.events, "oom_kill").value_or(0),
                        pressure ? pressure : read_pressure(root + "/proc/pressure/memory")};
    }
  }
  return std::nullopt;
}

} // namespace

std::optional<MemorySeen> read_memory(const std::string& root) {
  for (const auto& group : find_groups(root, "memory")) {
    if (auto seen = read_group(root, group)) {
      return seen;
    }
  }
  return std::nullopt;
}

} // namespace gpujob::platform
