// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

/// Where NVIDIA's management library lies. gpujob-gpuprobe opens it, doctor only looks whether it
/// is there.
namespace gpujob {

constexpr const char* k_nvml_name = "libnvidia-ml.so.1";

/// The system's places, then Colab's, those of container toolkits and of machine images, WSL's.
constexpr std::array k_nvml_places{"/usr/lib/x86_64-linux-gnu",
                                   "/usr/lib/aarch64-linux-gnu",
                                   "/usr/lib64",
                                   "/usr/lib",
                                   "/usr/lib64-nvidia",
                                   "/usr/local/nvidia/lib64",
                                   "/usr/local/nvidia/lib",
                                   "/usr/lib/wsl/lib"};

} // namespace gpujob
