// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/oom.h"

#include "common/file.h"
#include "common/text.h"

namespace gpujob::shim {

namespace {

constexpr std::size_t k_small_file = 64 * 1024;

void add(std::vector<std::string>& out, const std::string& mount, std::string_view path,
         const std::string& name) {
  if (path.size() > 1) {
    out.push_back(mount + std::string(path) + "/" + name);
  }
  out.push_back(mount + "/" + name);
}

bool names_memory(std::string_view controllers) {
  for (const auto& controller : split(controllers, ',')) {
    if (controller == "memory") {
      return true;
    }
  }
  return false;
}

} // namespace

std::vector<std::string> oom_counter_files(std::string_view self_cgroup) {
  std::vector<std::string> v1;
  std::vector<std::string> v2;
  for (const auto& line : split(self_cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const auto controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const auto path = std::string_view(line).substr(second + 1);
    if (names_memory(controllers)) {
      add(v1, "/sys/fs/cgroup/memory", path, "memory.oom_control");
    } else if (controllers.empty()) {
      add(v2, "/sys/fs/cgroup", path, "memory.events");
      add(v2, "/sys/fs/cgroup/unified", path, "memory.events");
    }
  }
  v1.insert(v1.end(), v2.begin(), v2.end());
  return v1;
}

std::optional<std::int64_t> parse_oom_kills(std::string_view text) {
  constexpr std::string_view k_key = "oom_kill ";
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with(k_key)) {
      return parse_int(trim(std::string_view(line).substr(k_key.size())));
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> read_oom_kills() {
  const auto self = read_file("/proc/self/cgroup", k_small_file);
  if (!self) {
    return std::nullopt;
  }
  for (const auto& file : oom_counter_files(*self)) {
    const auto text = read_file(file, k_small_file);
    if (const auto count = text ? parse_oom_kills(*text) : std::nullopt) {
      return count;
    }
  }
  return std::nullopt;
}

} // namespace gpujob::shim
