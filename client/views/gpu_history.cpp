// SPDX-License-Identifier: Apache-2.0
#include "client/views/gpu_history.h"

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

using nlohmann::json;

Result<GpuSample> read_point(const json& point) {
  const auto bad = Error{Errc::bad_data, "gpu history: a point is not five numbers"};
  constexpr std::size_t k_parts = 5;
  if (!point.is_array() || point.size() != k_parts || !point[0].is_number_integer()) {
    return bad;
  }
  GpuSample s;
  s.at = point[0].get<std::int64_t>();
  constexpr std::int64_t k_latest = k_longest_span.count() / 1'000'000'000 * 3;
  if (s.at < 0 || s.at > k_latest) {
    return bad;
  }
  const std::array<std::optional<std::int64_t>*, 4> values{&s.use_percent, &s.memory_used,
                                                           &s.temperature_c, &s.power_mw};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& value = point[i + 1];
    if (value.is_number_integer()) {
      *values[i] = value.get<std::int64_t>();
    } else if (!value.is_null()) {
      return bad;
    }
  }
  return s;
}

} // namespace

Result<std::vector<GpuSeries>> read_gpu_history(const json& answer) {
  gpujob::json::Reader r(answer, "gpu history");
  const auto* list = r.find("history");
  if (list == nullptr || !list->is_array()) {
    r.fail("history", "is not a list");
    return r.error();
  }
  std::vector<GpuSeries> out;
  for (const auto& item : *list) {
    gpujob::json::Reader one(item, "gpu history");
    GpuSeries series;
    series.gpu = one.text("gpu");
    series.step_s = static_cast<int>(one.integer_in("step_s", 1, k_gpu_minute_s));
    const auto* points = one.find("points");
    if (points == nullptr || !points->is_array()) {
      one.fail("points", "is not a list");
    }
    if (!one.ok()) {
      return one.error();
    }
    for (const auto& point : *points) {
      auto read = read_point(point);
      if (!read) {
        return read.error();
      }
      series.points.push_back(*read);
    }
    out.push_back(std::move(series));
  }
  return out;
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
