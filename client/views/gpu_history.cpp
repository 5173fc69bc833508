// SPDX-License-Identifier: Apache-2.0
#include "client/views/gpu_history.h"

#include "client/views/fields.h"
#include "common/json.h"
#include "common/time.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace gpujob::client {

namespace {

using json::Json;

/// nullopt: it is not five numbers.
std::optional<GpuSample> read_point(const Json& point) {
  constexpr std::size_t k_parts = 5;
  if (!point.is_array() || point.size() != k_parts || !point[0].is_number_integer()) {
    return std::nullopt;
  }
  GpuSample s;
  s.at = point[0].get<std::int64_t>();
  constexpr std::int64_t k_latest = k_longest_span.count() / 1'000'000'000 * 3;
  if (s.at < 0 || s.at > k_latest) {
    return std::nullopt;
  }
  const std::array<std::optional<std::int64_t>*, 4> values{&s.use_percent, &s.memory_used,
                                                           &s.temperature_c, &s.power_mw};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& value = point[i + 1];
    if (value.is_number_integer()) {
      *values[i] = value.get<std::int64_t>();
    } else if (!value.is_null()) {
      return std::nullopt;
    }
  }
  return s;
}

GpuSeries read_series(gpujob::json::Reader& r) {
  GpuSeries series;
  series.gpu = r.text("gpu");
  series.step_s = static_cast<int>(r.integer_in("step_s", 1, k_gpu_minute_s));
  fields::need(r, "points");
  for (const auto& point : fields::list(r, "points")) {
    const auto sample = read_point(point);
    if (!sample) {
      r.fail("points", "one of them is not five numbers");
      break;
    }
    series.points.push_back(*sample);
  }
  return series;
}

} // namespace

Result<std::vector<GpuSeries>> read_gpu_history(const Json& answer) {
  gpujob::json::Reader r(answer, "gpu history");
  std::vector<GpuSeries> out;
  fields::need(r, "history");
  fields::each_object(r, "history",
                      [&](gpujob::json::Reader& one) { out.push_back(read_series(one)); });
  return r.ok() ? Result<std::vector<GpuSeries>>(std::move(out)) : r.error();
}

void join(std::vector<GpuSeries>& into, std::vector<GpuSeries> page) {
  for (auto& series : page) {
    const auto it = std::ranges::find_if(
        into, [&](const GpuSeries& s) { return s.gpu == series.gpu && s.step_s == series.step_s; });
    if (it == into.end()) {
      into.push_back(std::move(series));
    } else {
      it->points.insert(it->points.end(), series.points.begin(), series.points.end());
    }
  }
}

} // namespace gpujob::client
