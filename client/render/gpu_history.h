// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/gpu/sample.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
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

/// How it is drawn: over so long, until then; with block characters or in ASCII.
struct GpuHistoryStyle {
  std::int64_t end = 0; ///< unix seconds
  std::int64_t span_s = 3600;
  bool blocks = true;
};

/// A few lines per GPU, at most 80 columns: use, memory, temperature and power over time.
/// `answer`: `devices` and `sampling` of the daemon's answer.
std::string render_gpu_history(const nlohmann::json& answer, const std::vector<GpuSeries>& history,
                               const GpuHistoryStyle& style);

/// A line per sample, with a heading. What is not known is an empty field.
std::string gpu_history_csv(const std::vector<GpuSeries>& history);

/// A line per snapshot: when, why, whose, and how each GPU was.
std::string render_gpu_snapshots(const nlohmann::json& snapshots);

} // namespace gpujob::client
