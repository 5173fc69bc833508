// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/probe/nvidia.h"

#include <string>
#include <string_view>

namespace gpujob::gpu {

/// What gpujob-gpuprobe is asked, a line each, and answers (ARCHITECTURE.md, "Asking a GPU").
class Probe {
public:
  /// `nvml`: the library's file, `sysfs`: what stands for /sys; empty: the usual.
  Probe(std::string nvml, std::string sysfs);

  /// Never throws: a request that is no such thing is answered with an error, too.
  std::string answer(std::string_view request);

private:
  Nvidia m_nvidia;
  std::string m_sysfs;
};

} // namespace gpujob::gpu
