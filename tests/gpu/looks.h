// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/look.h"

#include <string>
#include <vector>

/// Looks at GPUs that are none.
namespace gpujob::test {

constexpr std::int64_t k_total = 16'000'000'000;
constexpr std::int64_t k_used = 1'000'000'000;

inline GpuView gpu_view(std::optional<std::int64_t> use, std::int64_t index = 0) {
  GpuView view;
  view.vendor = "nvidia";
  view.index = index;
  view.uuid = "GPU-" + std::to_string(index);
  view.name = "Tesla T4";
  view.state = "ok";
  view.use_percent = use;
  view.memory_total = k_total;
  view.memory_used = k_used;
  view.temperature_c = 40;
  view.power_mw = 30'000;
  return view;
}

inline MigView mig_view(const std::string& uuid, std::int64_t instance) {
  MigView mig;
  mig.uuid = uuid;
  mig.gpu_instance = instance;
  mig.compute_instance = 0;
  mig.memory_total = 100;
  mig.memory_used = 40;
  return mig;
}

inline GpuProcess process(const std::string& job, std::optional<std::int64_t> memory,
                          std::optional<std::int64_t> instance = {}) {
  GpuProcess p;
  p.pid = 17;
  p.memory = memory;
  p.gpu_instance = instance;
  p.compute_instance = instance ? std::optional<std::int64_t>(0) : std::nullopt;
  p.owner.job_id = job;
  return p;
}

/// So many seconds after the boot, which was at 1790000000.
inline gpu::Look look_at(std::int64_t s, std::vector<GpuView> gpus) {
  GpuSnapshot snapshot;
  snapshot.gpus = std::move(gpus);
  return gpu::make_look(std::move(snapshot), {BootTime{std::chrono::seconds{s}},
                                              WallTime{std::chrono::seconds{1'790'000'000 + s}}});
}

} // namespace gpujob::test
