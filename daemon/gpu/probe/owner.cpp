// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owner.h"

#include "common/environment.h"
#include "common/file.h"
#include "common/proc.h"
#include "common/text.h"

#include <filesystem>
#include <fmt/format.h>
#include <optional>

namespace gpujob::gpu {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_command = 64U << 10U;
/// A tree of processes is never that deep; what changes below us while we climb must end, too.
constexpr int k_most_ancestors = 64;

bool has_open(int pid, const std::string& devices) {
  std::error_code failed;
  fs::directory_iterator entries(fmt::format("/proc/{}/fd", pid), failed);
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    std::error_code gone;
    if (fs::read_symlink(entries->path(), gone).string().starts_with(devices)) {
      return true;
    }
  }
  return false;
}

/// Its command line and environment are read under its memory's lock, which one that hangs in a
/// driver may hold for ever.
bool hangs(const proc::Stat& process) {
  return process.state == 'D';
}

std::string program_of(const proc::Stat& process) {
  if (hangs(process)) {
    return process.comm;
  }
  const auto text = read_file(fmt::format("/proc/{}/cmdline", process.pid), k_longest_command);
  if (!text || text->empty()) {
    return process.comm;
  }
  auto line = *text;
  line.erase(line.find_last_not_of('\0') + 1);
  return shell_words(split(line, '\0'));
}

/// A child may be started without its parent's environment, and is the job's all the same. What is
/// younger than its child is not its parent: the pid is another's by now.
void find_job(GpuOwner& owner, const proc::Stat& process) {
  auto at = std::optional(process);
  for (int i = 0; i < k_most_ancestors && at && at->pid > 1; ++i) {
    const auto environment = hangs(*at) ? std::nullopt : proc::read_environ(at->pid);
    if (const auto id = environment ? value_of(*environment, "GPUJOB_JOB_ID") : ""; !id.empty()) {
      owner.job_id = id;
      owner.job_name = value_of(*environment, "GPUJOB_JOB_NAME");
      owner.told_by = at->pid == process.pid ? "environment" : fmt::format("ancestor {}", at->pid);
      return;
    }
    const auto born = at->start_ticks;
    at = proc::read_stat(at->ppid);
    if (at && at->start_ticks > born) {
      return;
    }
  }
}

} // namespace

bool in_first_pid_namespace() {
  // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same since Linux 3.8
  std::error_code failed;
  return fs::read_symlink("/proc/self/ns/pid", failed) == "pid:[4026531836]";
}

GpuOwner find_owner(int pid, bool first_namespace, const std::string& devices) {
  GpuOwner owner;
  const auto stat = proc::read_stat(pid);
  if (!stat) {
    return owner;
  }
  if (has_open(pid, devices)) {
    owner.seen_by = "device";
  } else if (first_namespace) {
    owner.seen_by = "pid";
  } else {
    return owner;
  }
  owner.here = true;
  owner.pid = pid;
  owner.start_ticks = stat->start_ticks;
  owner.program = program_of(*stat);
  find_job(owner, *stat);
  // All of that was of one process only if it is still there.
  const auto now = proc::read_stat(pid);
  return now && now->start_ticks == stat->start_ticks ? owner : GpuOwner();
}

} // namespace gpujob::gpu
