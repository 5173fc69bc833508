// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/amd.h"
#include "daemon/gpu/probe/attribution.h"
#include "daemon/gpu/probe/nvidia.h"
#include "daemon/gpu/probe/owners.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gpujob::gpu {

/// What gpujob-gpuprobe is asked, a line each, and answers (ARCHITECTURE.md, "Asking a GPU").
class Probe {
public:
  /// `nvml`: the library's file; what stands for /sys and /proc; how the paths of NVIDIA's devices
  /// begin. Empty: the usual.
  Probe(std::string nvml, std::string sysfs, std::string proc, const std::string& devices);

  /// Never throws: a request that is no such thing is answered with an error, too.
  std::string answer(std::string_view request);

private:
  nlohmann::json snapshot(bool with_programs);

  Nvidia m_nvidia;
  Amd m_amd;
  GpuAttribution m_attribution;
  Owners m_owners;
};

} // namespace gpujob::gpu
