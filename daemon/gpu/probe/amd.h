// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::gpu {

/// The AMD GPUs of this machine, through what the amdgpu driver shows in sysfs (the kernel's
/// Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst): no library. `sysfs` is /sys, or what
/// stands for it. Adds to "devices" of `reply`; empty, or why there is nothing, for people.
std::string look_at_amd(const std::string& sysfs, nlohmann::json& reply);

} // namespace gpujob::gpu
