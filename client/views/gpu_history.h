// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/sample.h"
#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gpujob::client {

/// What a GPU did, with the daemon's words for it; texts are not fit for a terminal before
/// printable().
struct GpuSeries {
  std::string gpu;
  int step_s = 1;
  std::vector<GpuSample> points; ///< oldest first
};

/// A page of the daemon's answer to `gpu`: its `history`, read strictly.
Result<std::vector<GpuSeries>> read_gpu_history(const nlohmann::json& answer);

/// The pages of one answer as one: a series per GPU and step.
void join(std::vector<GpuSeries>& into, std::vector<GpuSeries> page);

} // namespace gpujob::client
