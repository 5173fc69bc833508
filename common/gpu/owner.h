// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gpujob {

/// Who a pid that a GPU's driver reports is here, and how that is known. Texts are the process's:
/// nothing is fit for a terminal before printable().
struct GpuOwner {
  bool here = false;             ///< a process that we can see is meant
  int pid = 0;                   ///< its pid here; a driver's may be another
  std::uint64_t start_ticks = 0; ///< with its pid: which process
  /// "device": it has a GPU's device open; "pid": our pids are the driver's; "fdinfo": the kernel
  /// tells what it uses; "memory": what the GPU's memory gained when it came
  std::string seen_by;
  /// Several pids here: it is one of them. If they are all of one job that is told, and the first
  /// of them; else nobody is.
  std::vector<int> one_of;
  std::string program;          ///< its command line
  std::string job_id, job_name; ///< empty: no job of ours
  std::string job_state;        ///< as the daemon says; empty: none was asked, or knows it
  std::string told_by; ///< "environment", or "ancestor 17": whose environment names the job
};

/// The pid namespace that the kernel began with. In any other one (a container) a driver may report
/// the host's pids, which are other processes here, or none.
bool in_first_pid_namespace();

/// In another namespace only a process that has a device of the GPU open is taken for the one that
/// is meant: two numbers may be equal by chance. `devices` is how the paths of such devices begin.
GpuOwner find_owner(int pid, bool first_namespace, const std::string& devices = "/dev/nvidia");

} // namespace gpujob
