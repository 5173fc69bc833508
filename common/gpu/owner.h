// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gpujob {

/// Who a pid that a GPU's driver reports is here, and how that is known. Texts are the process's:
/// nothing is fit for a terminal before printable().
struct GpuOwner {
  bool here = false;   ///< a process that we can see is meant
  std::string seen_by; ///< "device": it has a GPU's device open; "pid": our pids are the driver's
  std::string program; ///< its command line
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
