// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/orphans.h"

#include "common/proc.h"

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace gpujob::jobs {

namespace {

bool carries(int pid, const std::string& entry) {
  const auto env = proc::read_environ(pid);
  return env && std::find(env->begin(), env->end(), entry) != env->end();
}

int one_round(const std::string& entry) {
  int signalled = 0;
  for (const auto& stat : proc::read_all()) {
    if (stat.pid == ::getpid() || stat.state == 'Z' || !carries(stat.pid, entry)) {
      continue;
    }
    const auto pidfd = proc::open_pidfd(stat.pid, stat.start_ticks);
    if (pidfd && proc::send_signal(pidfd, SIGKILL)) {
      ++signalled;
    }
  }
  return signalled;
}

} // namespace

int end_orphans(const std::string& job_id, int rounds) {
  const auto entry = "GPUJOB_JOB_ID=" + job_id;
  int total = 0;
  for (int i = 0; i < rounds; ++i) {
    const int signalled = one_round(entry);
    if (signalled == 0) {
      break;
    }
    total += signalled;
  }
  return total;
}

} // namespace gpujob::jobs
