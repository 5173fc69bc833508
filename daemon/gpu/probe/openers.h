// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/drm_client.h"
#include "daemon/gpu/probe/join.h"

#include <set>
#include <string>
#include <vector>

namespace gpujob::gpu {

/// A process that we can see and that has GPUs of NVIDIA's open.
struct GpuOpener {
  OpenProcess process;            ///< without its memory: that is a GPU's each
  std::set<int> minors;           ///< which: /dev/nvidia0 is 0
  bool computes = false;          ///< it has the uvm device open, too, as CUDA does
  std::vector<DrmClient> clients; ///< what the kernel tells of its open files
};

/// All of them but us and the probe, which open GPUs to look at them. Reads all of /proc.
/// `devices` is how the paths of such devices begin.
std::vector<GpuOpener> find_gpu_openers(const std::string& devices);

/// Who has this GPU open; those that only look at it are left out where anybody computes.
std::vector<OpenProcess> openers_of(const std::vector<GpuOpener>& all, int minor,
                                    const std::string& pci);

} // namespace gpujob::gpu
