// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// Who a pid that a GPU's driver reports is here, and how that is known. Texts are the process's:
/// nothing is fit for a terminal before printable().
struct GpuOwner {
  bool here = false;             ///< a process that we can see is meant
  int pid = 0;                   ///< its pid here; a driver's may be another
  std::uint64_t start_ticks = 0; ///< with its pid: which process; not in an answer
  /// "device": it has a GPU's device open; "pid": our pids are the driver's; "fdinfo": the kernel
  /// tells what it uses; "memory": what the GPU's memory gained when it came
  std::string seen_by;
  /// Several pids here: it is one of them. If they are all of one job that is told, and the first
  /// of them; else nobody is.
  std::vector<int> one_of;
  std::string program;          ///< its command line; empty: not asked for
  std::string job_id, job_name; ///< by an environment; empty: no job of ours
  std::string told_by; ///< "environment", or "ancestor 17": whose environment names the job
};

struct GpuProcess {
  int pid = 0; ///< as the driver counts; 0: it does not say, or does not list it
  std::optional<std::int64_t> memory, gpu_instance, compute_instance, use_percent,
      memory_use_percent;
  GpuOwner owner;
};

struct MigView {
  std::int64_t index = 0;
  std::string uuid, name; ///< empty: not told
  std::optional<std::int64_t> memory_used, memory_total, gpu_instance, compute_instance;
};

struct GpuView {
  std::string vendor, uuid, name, state, error, pci;
  std::int64_t index = 0;
  std::optional<std::int64_t> use_percent, memory_used, memory_total, temperature_c, power_mw,
      power_limit_mw, uncorrected_errors, minor;
  /// Xid errors since the probe began; nullopt: they are not told.
  std::optional<std::int64_t> xid_count, last_xid;
  std::vector<std::string> throttle;
  std::vector<MigView> mig;
  std::optional<std::vector<GpuProcess>> processes; ///< nullopt: it is not told who uses it
  std::int64_t processes_left_out = 0;              ///< since there are too many
};

struct GpuSnapshot {
  std::string driver, cuda;
  std::string why; ///< there is none, or a library is of no use
  /// Drivers' pids are ours. Otherwise (a container) they may be the host's, and name nobody here.
  bool first_namespace = true;
  /// False: nobody could say whose the processes are, so none are told. What an earlier look told
  /// is nearer to the truth than that there are none.
  bool owners_known = true;
  std::vector<GpuView> gpus;
};

Result<GpuSnapshot> read_gpu_snapshot(const nlohmann::json& document);

} // namespace gpujob
