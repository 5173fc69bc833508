// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/snapshot.h"

#include <string>

namespace gpujob::gpu {

/// The pid namespace that the kernel began with. In any other one (a container) a driver may report
/// the host's pids, which are other processes here, or none.
bool in_first_pid_namespace();

/// In another namespace only a process that has a device of the GPU open is taken for the one that
/// is meant: two numbers may be equal by chance. `devices` is how the paths of such devices begin.
GpuOwner find_owner(int pid, bool first_namespace, const std::string& devices = "/dev/nvidia");

} // namespace gpujob::gpu
