// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/amd.h"
#include "daemon/gpu/probe/nvidia.h"

#include <string>
#include <string_view>

namespace gpujob::gpu {

/// What gpujob-gpuprobe is asked, a line each, and answers (ARCHITECTURE.md, "Asking a GPU").
class Probe {
public:
  /// `nvml`: the library's file; what stands for /sys and /proc; empty: the usual.
  Probe(std::string nvml, std::string sysfs, std::string proc);

  /// Never throws: a request that is no such thing is answered with an error, too.
  std::string answer(std::string_view request);

private:
  Nvidia m_nvidia;
  Amd m_amd;
};

} // namespace gpujob::gpu
