// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/cgroup.h"

#include "common/file.h"
#include "common/text.h"

#include <algorithm>

namespace gpujob::platform {

namespace {

constexpr std::size_t k_small_file = 64 * 1024;

std::vector<std::string> dirs_of(const std::string& mount, std::string_view path) {
  std::vector<std::string> out;
  for (std::string below(path); below.size() > 1; below.resize(below.rfind('/'))) {
    out.push_back(mount + below);
  }
  out.push_back(mount);
  return out;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  const auto n = parse_int(trim(text));
  return n && *n >= 0 ? std::optional<std::int64_t>(*n) : std::nullopt;
}

} // namespace

std::vector<Group> find_groups(const std::string& root, std::string_view controller) {
  std::vector<Group> groups;
  const auto text = read_file(root + "/proc/self/cgroup", k_small_file);
  for (const auto& line : split(text ? *text : "", '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const auto names = std::string_view(line).substr(first + 1, second - first - 1);
    const auto controllers = split(names, ',');
    const auto path = std::string_view(line).substr(second + 1);
    const auto mount = root + "/sys/fs/cgroup";
    if (names.empty()) {
      groups.push_back({false, dirs_of(mount, path)});
    } else if (std::ranges::find(controllers, controller) != controllers.end()) {
      groups.push_back({true, dirs_of(mount + "/" + std::string(controller), path)});
    }
  }
  return groups;
}

std::optional<std::int64_t> read_group_number(const std::string& path) {
  const auto text = read_file(path, k_small_file);
  return text ? number_of(*text) : std::nullopt;
}

std::optional<std::int64_t> read_group_field(const std::string& path, const std::string& key) {
  const auto text = read_file(path, k_small_file);
  for (const auto& line : split(text ? *text : "", '\n')) {
    if (line.starts_with(key + " ")) {
      return number_of(std::string_view(line).substr(key.size() + 1));
    }
  }
  return std::nullopt;
}

} // namespace gpujob::platform
