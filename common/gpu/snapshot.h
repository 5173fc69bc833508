// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/owner.h"
#include "common/result.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// What gpujob-gpuprobe says (daemon/ARCHITECTURE.md, "Asking a GPU"), read strictly; what is not
/// known is not there. Texts are a driver's or a process's: nothing here is fit for a terminal
/// before printable().
namespace gpujob {

struct GpuProcess {
  int pid = 0; ///< as the driver counts
  std::optional<std::int64_t> memory, gpu_instance, compute_instance;
  GpuOwner owner; ///< not read: found here
};

struct MigView {
  std::int64_t index = 0;
  std::string uuid, name; ///< empty: not told
  std::optional<std::int64_t> memory_used, memory_total, gpu_instance, compute_instance;
};

struct GpuView {
  std::string vendor, uuid, name, state, error;
  std::int64_t index = 0;
  std::optional<std::int64_t> use_percent, memory_used, memory_total, temperature_c, power_mw,
      power_limit_mw, uncorrected_errors;
  std::vector<std::string> throttle;
  std::vector<MigView> mig;
  std::optional<std::vector<GpuProcess>> processes; ///< nullopt: it is not told who uses it
};

struct GpuSnapshot {
  std::string driver, cuda;
  std::string why; ///< there is none, or a library is of no use
  std::vector<GpuView> gpus;
};

Result<GpuSnapshot> read_gpu_snapshot(const nlohmann::json& document);

} // namespace gpujob
