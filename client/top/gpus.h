// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::client::top {

/// How far the charts look back.
constexpr std::int64_t k_chart_s = 600;

struct GpuPoint {
  std::int64_t at = 0; ///< seconds since 1970
  std::int64_t step_s = 1;
  std::optional<std::int64_t> use_percent, memory_used;
};

struct Gpu {
  std::string vendor, uuid, name, state, error;
  std::int64_t index = 0;
  std::optional<std::int64_t> use_percent, memory_used, memory_total, temperature_c, power_mw,
      power_limit_mw, others, last_xid; ///< the last: errors, where there were any
  std::vector<std::string> throttle;
  std::vector<std::string> jobs; ///< their names
  std::vector<GpuPoint> points;  ///< oldest first, no two of one second
};

/// The answer to `gpu` (daemon/ARCHITECTURE.md), page by page; texts are a driver's or a job's.
struct Gpus {
  std::optional<WallTime> at;    ///< of the daemon's last look
  std::optional<double> every_s; ///< how often it looks
  std::string why;               ///< there is nothing to be seen
  std::vector<Gpu> devices;

  /// Takes one page: the devices as they are now, points that are new. False when it is not what it
  /// should be; then nothing has changed.
  Result<void> take(const nlohmann::json& answer);

private:
  void add_points(const std::string& uuid, std::vector<GpuPoint> points);
  void forget_old();
};

/// What to draw of the last k_chart_s seconds before `now` in so many columns: the largest of each,
/// 0 to 1. A value stands until the next, for as long as one may be expected.
using Values = std::vector<std::optional<double>>;
Values use_of(const Gpu& gpu, std::int64_t now, std::size_t columns);
Values memory_of(const Gpu& gpu, std::int64_t now, std::size_t columns);

} // namespace gpujob::client::top
