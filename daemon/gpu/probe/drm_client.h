// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a kernel tells of a process's open GPU files in /proc/PID/fdinfo (the kernel's
/// Documentation/gpu/drm-usage-stats.rst; amdgpu since Linux 5.14).
namespace gpujob::gpu {

struct DrmClient {
  std::string driver, pci;            ///< "0000:03:00.0"
  std::optional<std::int64_t> id;     ///< the same in two files: they are one client
  std::optional<std::int64_t> memory; ///< of the GPU, bytes
  std::optional<std::int64_t> graphics_ns, compute_ns; ///< for how long its engines worked, ever
};

/// nullopt: this file is none of a GPU's, or its driver does not say which.
std::optional<DrmClient> parse_drm_client(std::string_view fdinfo);

struct DrmClients {
  std::vector<DrmClient> clients; ///< each once, however many files it has
  bool readable = false;          ///< we may see its open files
  bool has_silent = false;        ///< it has a GPU's file open of which the driver tells nothing
};

/// Of one process. `proc` is /proc, or what stands for it.
DrmClients drm_clients_of(const std::string& proc, int pid);

/// PCI addresses as NVML ("00000000:03:00.0"), old NVML and the kernel ("0000:03:00.0") write them.
bool is_same_pci(std::string_view a, std::string_view b);

} // namespace gpujob::gpu
