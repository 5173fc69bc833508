// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <string>

/// How busy the machine's processors are: a hint to a person who wonders whether the session is
/// idle. It never counts as activity.
namespace gpujob::platform {

/// CPU time used so far, over all processors: by this process's control group, else by the whole
/// machine. nullopt: nothing tells. `root` stands for "/" in tests.
std::optional<Duration> read_cpu_time(const std::string& root = {});

/// Two looks at it make a load.
class CpuLoad {
public:
  void look(std::optional<Duration> used, BootTime at);
  /// Processors busy on average between the last two looks; nullopt: not known yet.
  [[nodiscard]] std::optional<double> busy() const { return m_busy; }

private:
  std::optional<Duration> m_used;
  BootTime m_at{};
  std::optional<double> m_busy;
};

} // namespace gpujob::platform
