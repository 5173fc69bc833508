// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gpujob {

/// What a GPU did at one instant, or on average over a step. What is not known is not there.
struct GpuSample {
  std::int64_t at = 0; ///< seconds since the Unix epoch; of an average: where its minute begins
  std::optional<std::int64_t> use_percent, memory_used, temperature_c, power_mw;

  friend bool operator==(const GpuSample&, const GpuSample&) = default;
};

/// A sample and whose it is.
struct GpuSampleOf {
  std::string gpu; ///< its UUID, or what stands for it
  GpuSample sample;

  friend bool operator==(const GpuSampleOf&, const GpuSampleOf&) = default;
};

/// How far apart two samples of a series lie, in seconds.
constexpr int k_gpu_step_s = 1;
constexpr int k_gpu_minute_s = 60;

} // namespace gpujob
