// SPDX-License-Identifier: Apache-2.0
#include "client/report/gpu_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gpujob::client {

namespace {

using Series = std::vector<std::optional<double>>;

/// A GPU that is used less than this does nothing, in percent: as --idle-gpu has it.
constexpr double k_idle_use = 2;
/// The last hour has a point a second, what is older one a minute; two that are further apart have
/// a gap between them.
constexpr double k_usual_gap_s = 60.5;

double usual_gap(const GpuSeen& gpu) {
  double most = 0.5;
  for (std::size_t i = 1; i < gpu.points.size(); ++i) {
    const double gap = to_seconds(gpu.points[i].at - gpu.points[i - 1].at);
    most = gap <= k_usual_gap_s ? std::max(most, gap) : most;
  }
  return most;
}

/// Where points are rarer than buckets, the one before counts on until the next is due.
void bridge(double gap_s, double bucket_s, Series& series) {
  const auto reach = static_cast<std::size_t>(std::ceil(2 * gap_s / bucket_s));
  std::size_t empty = reach;
  std::optional<double> last;
  for (auto& value : series) {
    if (value) {
      last = value;
      empty = 0;
    } else if (++empty < reach) {
      value = last;
    }
  }
}

/// Means of what falls into each bucket, in percent.
Series buckets(const Report& r, const GpuSeen& gpu, std::optional<double> GpuPoint::*value,
               double scale) {
  std::vector<std::pair<double, int>> sums(k_buckets);
  const double span = to_seconds(r.until - r.from);
  for (const auto& p : gpu.points) {
    const double at = to_seconds(p.at - r.from) / span;
    if (at >= 0 && at < 1 && p.*value) {
      auto& [sum, count] = sums[static_cast<std::size_t>(at * k_buckets)];
      sum += *(p.*value) * scale;
      ++count;
    }
  }
  Series out(k_buckets);
  for (std::size_t i = 0; i < k_buckets; ++i) {
    if (sums[i].second > 0) {
      out[i] = std::clamp(sums[i].first / sums[i].second, 0.0, 100.0);
    }
  }
  bridge(usual_gap(gpu), span / static_cast<double>(k_buckets), out);
  return out;
}

/// Over the buckets in which `f` has a value; nullopt: none has.
template <typename F>
std::optional<double> mean(const Series& series, F f) {
  double sum = 0;
  int n = 0;
  for (const auto& v : series) {
    sum += v ? f(*v) : 0;
    n += v ? 1 : 0;
  }
  return n > 0 ? std::optional(sum / n) : std::nullopt;
}

std::optional<double> most(const Report& r, const GpuSeen& gpu,
                           std::optional<double> GpuPoint::*value) {
  std::optional<double> out;
  for (const auto& p : gpu.points) {
    if (p.at >= r.from && p.at <= r.until && p.*value) {
      out = std::max(out.value_or(0), *(p.*value));
    }
  }
  return out;
}

} // namespace

void add_gpus(const Gathered& gathered, Report& r) {
  for (const auto& gpu : gathered.gpus) {
    GpuRow row;
    row.uuid = gpu.uuid;
    row.name = gpu.name;
    row.memory_total = gpu.memory_total;
    row.use = buckets(r, gpu, &GpuPoint::use_percent, 1);
    if (gpu.memory_total) {
      row.memory = buckets(r, gpu, &GpuPoint::memory_used, 100 / *gpu.memory_total);
    }
    row.mean_use = mean(row.use, [](double v) { return v; });
    row.mean_memory = mean(row.memory, [](double v) { return v; });
    row.idle_share = mean(row.use, [](double v) { return v < k_idle_use ? 1.0 : 0.0; });
    row.most_memory = most(r, gpu, &GpuPoint::memory_used);
    row.hottest_c = most(r, gpu, &GpuPoint::temperature_c);
    r.gpus.push_back(std::move(row));
  }
}

} // namespace gpujob::client
