// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/load.h"

#include "common/file.h"
#include "common/text.h"
#include "daemon/platform/cgroup.h"

#include <unistd.h>

namespace gpujob::platform {

namespace {

/// The first line of /proc/stat: "cpu  user nice system idle iowait irq softirq steal ...", in
/// ticks. Guest time is within user's.
std::optional<Duration> read_machine(const std::string& root) {
  const auto text = read_file(root + "/proc/stat", 64 * 1024);
  constexpr std::string_view k_all = "cpu ";
  if (!text || !text->starts_with(k_all)) {
    return std::nullopt;
  }
  constexpr std::size_t k_idle = 3, k_iowait = 4, k_counted = 8;
  const auto line = trim(std::string_view(*text).substr(k_all.size(), text->find('\n')));
  const auto fields = split(line.substr(0, line.find('\n')), ' ');
  std::int64_t ticks = 0;
  for (std::size_t i = 0; i < fields.size() && i < k_counted; ++i) {
    const auto n = parse_int(fields[i]);
    if (!n || *n < 0) {
      return std::nullopt;
    }
    ticks += i == k_idle || i == k_iowait ? 0 : *n;
  }
  return std::chrono::nanoseconds{ticks * (1'000'000'000 / ::sysconf(_SC_CLK_TCK))};
}

} // namespace

std::optional<Duration> read_cpu_time(const std::string& root) {
  for (const auto& group : find_groups(root, "cpuacct")) {
    // The outermost that is shown is the container.
    for (auto dir = group.dirs.rbegin(); dir != group.dirs.rend(); ++dir) {
      if (group.v1) {
        if (const auto ns = read_group_number(*dir + "/cpuacct.usage")) {
          return std::chrono::nanoseconds{*ns};
        }
      } else if (const auto us = read_group_field(*dir + "/cpu.stat", "usage_usec")) {
        return std::chrono::microseconds{*us};
      }
    }
  }
  return read_machine(root);
}

void CpuLoad::look(std::optional<Duration> used, BootTime at) {
  const auto between = at - m_at;
  m_busy.reset();
  if (used && m_used && *used >= *m_used && between > Duration::zero()) {
    m_busy =
        std::chrono::duration<double>(*used - *m_used) / std::chrono::duration<double>(between);
  }
  m_used = used;
  m_at = at;
}

} // namespace gpujob::platform
