// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <dirent.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

bool stat_is_supervision(const proc::Stat& process) {
  char target[PATH_MAX];
  const auto path = fmt::format("/proc/{}/exe", process.pid);
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  // The command name stands in where the link may not be read; it holds 15 bytes.
  return is_supervision(n > 0 ? std::string_view(target, static_cast<std::size_t>(n))
                              : std::string_view(process.comm));
}

/// A process whose first thread has ended shows as a zombie while its other threads run.
bool has_other_threads(int pid) {
  const auto path = fmt::format("/proc/{}/task", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  int entries = 0;
  while (dir && ::readdir(dir.get()) != nullptr) {
    ++entries;
  }
  return entries > 3; // ".", ".." and the first thread
}

bool alive(const proc::Stat& process) {
  return (process.state != 'Z' && process.state != 'X') || has_other_threads(process.pid);
}

} // namespace

bool is_supervision(std::string_view exe) {
  constexpr std::string_view k_deleted = " (deleted)"; // replaced by an upgrade while it runs
  if (exe.ends_with(k_deleted)) {
    exe.remove_suffix(k_deleted.size());
  }
  const auto name = exe.substr(exe.rfind('/') + 1);
  return name == "gpujobd" || name == "gpujobd-dynamic" || name.starts_with("gpujob-shim");
}

std::vector<proc::Stat> below(int root, int leader, const std::vector<proc::Stat>& all,
                              const std::function<bool(const proc::Stat&)>& apart) {
  std::multimap<int, const proc::Stat*> children;
  for (const auto& process : all) {
    children.emplace(process.ppid, &process);
  }
  std::vector<proc::Stat> out;
  std::vector<int> open{root};
  while (!open.empty()) {
    const auto [first, last] = children.equal_range(open.back());
    open.pop_back();
    for (auto it = first; it != last; ++it) {
      const auto& process = *it->second;
      if (process.pid == leader || !apart(process)) {
        out.push_back(process);
        open.push_back(process.pid);
      }
    }
    // A snapshot is not one instant: with a pid reused meanwhile it could hold a circle.
    children.erase(first, last);
  }
  return out;
}

std::vector<proc::Stat> job_members(int leader) {
  const int self = ::getpid();
  const auto near = proc::read_below(self);
  auto members = below(self, leader, near ? *near : proc::read_all(), stat_is_supervision);
  std::erase_if(members, [](const proc::Stat& process) { return !alive(process); });
  return members;
}

bool no_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

bool signal_process(const proc::Stat& process, int signal) {
  if (const auto pidfd = proc::open_pidfd(process.pid, process.start_ticks)) {
    return proc::send_signal(pidfd, signal);
  }
  // Kernels before 5.3 have no pidfds. There the start time is the best check that can be had.
  const Fd probe{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
  if (probe || errno != ENOSYS) {
    return false;
  }
  const auto now = proc::read_stat(process.pid);
  return now && now->start_ticks == process.start_ticks && ::kill(process.pid, signal) == 0;
}

void signal_job(int leader, const std::vector<proc::Stat>& members, int signal) {
  if (leader > 0) {
    ::kill(-leader, signal);
  }
  for (const auto& process : members) {
    if (leader <= 0 || process.pgrp != leader) {
      signal_process(process, signal);
    }
  }
}

} // namespace gpujob::shim
