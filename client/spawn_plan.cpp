// SPDX-License-Identifier: Apache-2.0
#include "client/spawn_plan.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (auto& s : strings) {
    out.push_back(s.data());
  }
  out.push_back(nullptr);
  return out;
}

} // namespace

SpawnPlan::SpawnPlan(Own own) {
  ::posix_spawn_file_actions_init(&m_actions);
  ::posix_spawnattr_init(&m_attributes);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    ::posix_spawn_file_actions_addopen(&m_actions, fd, "/dev/null", O_RDWR, 0);
  }
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&m_attributes, &none);
  ::posix_spawnattr_setsigdefault(&m_attributes, &all);
  const int apart = own == Own::session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
  ::posix_spawnattr_setflags(
      &m_attributes, static_cast<short>(apart | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
}

SpawnPlan::~SpawnPlan() {
  ::posix_spawn_file_actions_destroy(&m_actions);
  ::posix_spawnattr_destroy(&m_attributes);
}

void SpawnPlan::give(int fd, int as) {
  ::posix_spawn_file_actions_adddup2(&m_actions, fd, as);
  m_first_closed = std::max(m_first_closed, as + 1);
}

int SpawnPlan::spawn(const std::string& program, std::vector<std::string> arguments,
                     std::vector<std::string> environment, pid_t& pid) {
  ::posix_spawn_file_actions_addclosefrom_np(&m_actions, m_first_closed);
  auto argv = pointers(arguments);
  auto envp = pointers(environment);
  return ::posix_spawn(&pid, program.c_str(), &m_actions, &m_attributes, argv.data(), envp.data());
}

} // namespace gpujob::client
