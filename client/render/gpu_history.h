// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/gpu_history.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gpujob::client {

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

} // namespace gpujob::client
