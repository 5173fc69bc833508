// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/ending.h"

#include "common/log.h"
#include "daemon/shim/tree.h"

#include <csignal>
#include <fmt/format.h>
#include <utility>

namespace gpujob::shim {

namespace {

/// KILL takes its time in a process that dumps gigabytes or waits for a driver.
constexpr Duration k_patience = std::chrono::seconds{10};

} // namespace

void Ending::already_told(const std::vector<proc::Stat>& members) {
  for (const auto& process : members) {
    m_told.emplace(process.pid, process.start_ticks);
  }
}

bool Ending::step(const std::vector<proc::Stat>& left, BootTime kill_at, Now now) {
  if (left.empty()) {
    // A process forked while /proc was read can escape one look. Everything of the job ends up a
    // child of this process, so without any child it is certain; a daemon below needs a second
    // look.
    return no_children() || ++m_empty_looks > 1;
  }
  m_empty_looks = 0;
  return !end_all(left, kill_at, now.boot);
}

/// Whether anybody is left to wait for.
bool Ending::end_all(const std::vector<proc::Stat>& left, BootTime kill_at, BootTime now) {
  const bool patient = now < kill_at + k_patience;
  bool reached_any = false;
  for (const auto& process : left) {
    if (now >= kill_at) {
      reached_any |= signal_process(process, SIGKILL);
    } else if (!m_told.contains({process.pid, process.start_ticks}) &&
               signal_process(process, SIGTERM)) {
      m_told.emplace(process.pid, process.start_ticks);
      signal_process(process, SIGCONT);
    }
  }
  if (!patient && !std::exchange(m_stuck_logged, true)) {
    const auto& first = left.front();
    log_line(fmt::format("tree: {} left after KILL, pid {} ({}, state {}) among them: {}",
                         left.size(), first.pid, first.comm, first.state,
                         reached_any ? "waiting" : "not ours to signal, left alone"));
  }
  return patient || reached_any;
}

} // namespace gpujob::shim
