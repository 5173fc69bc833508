// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/amd_processes.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::gpu {

/// The AMD GPUs of this machine, through what the amdgpu driver shows in sysfs (the kernel's
/// Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst): no library.
class Amd {
public:
  /// What stands for /sys and for /proc.
  Amd(std::string sysfs, std::string proc);

  /// One look: adds to "devices" of `reply`; empty, or why there is nothing, for people.
  std::string look(nlohmann::json& reply);

private:
  std::string m_sysfs;
  AmdProcesses m_processes;
};

} // namespace gpujob::gpu
