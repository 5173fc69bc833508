// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/ending.h"

#include "daemon/shim/tree.h"

#include <cerrno>
#include <csignal>
#include <sys/wait.h>

namespace gpujob::shim {

namespace {

bool no_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

} // namespace

void Ending::already_told(const std::vector<proc::Stat>& members) {
  for (const auto& process : members) {
    m_told.emplace(process.pid, process.start_ticks);
  }
}

bool Ending::step(const std::vector<proc::Stat>& left, BootTime kill_at, Now now) {
  if (left.empty()) {
    // A process forked while /proc was read can escape one look. Everything of the job ends up a
    // child of this process, so without any child it is certain; a daemon below needs a second look.
    return no_children() || ++m_empty_looks > 1;
  }
  m_empty_looks = 0;
  for (const auto& process : left) {
    if (now.boot >= kill_at) {
      signal_process(process, SIGKILL);
    } else if (m_told.emplace(process.pid, process.start_ticks).second) {
      signal_process(process, SIGTERM);
      signal_process(process, SIGCONT);
    }
  }
  return false;
}

} // namespace gpujob::shim
