// SPDX-License-Identifier: Apache-2.0
#include "client/report/read_pages.h"

#include "client/views/fields.h"
#include "client/views/job.h"
#include "common/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace gpujob::client {

using fields::each_object, fields::list, fields::need, fields::nested;
using json::Json;

namespace {

/// Not known is an error.
WallTime instant(json::Reader& r, const char* key) {
  need(r, key);
  return fields::instant(r, key).value_or(WallTime{});
}

/// Seconds that somebody can have worked.
std::optional<double> seconds(json::Reader& r, const char* key) {
  const auto value = r.maybe_number(key);
  if (value && !(*value >= 0 && *value <= to_seconds(k_longest_span))) {
    r.fail(key, "is out of range");
  }
  return value;
}

template <typename Row>
Result<std::vector<Row>> read_rows(const Json& page, const char* key, Row (*read)(json::Reader&)) {
  json::Reader r(page, "daemon: record");
  std::vector<Row> out;
  need(r, key);
  each_object(r, key, [&](json::Reader& row) { out.push_back(read(row)); });
  return r.ok() ? Result<std::vector<Row>>(std::move(out)) : r.error();
}

/// What can be measured of a GPU: bytes, percent, degrees, milliwatts.
std::optional<double> measured(std::optional<double> value) {
  constexpr double k_most = 1e18;
  return value && *value >= 0 && *value <= k_most ? value : std::nullopt;
}

std::optional<double> number_at(const Json& point, std::size_t i) {
  return i < point.size() && point[i].is_number() ? measured(point[i].get<double>()) : std::nullopt;
}

/// nullopt: its instant is none.
std::optional<GpuPoint> read_point(const Json& point) {
  const auto at = point.is_array() ? number_at(point, 0) : std::nullopt;
  if (!at || *at > 3 * to_seconds(k_longest_span)) {
    return std::nullopt;
  }
  return GpuPoint{wall_from_ns(std::llround(*at * 1e9)), number_at(point, 1), number_at(point, 2),
                  number_at(point, 3), number_at(point, 4)};
}

GpuSeen& gpu_of(std::vector<GpuSeen>& gpus, const std::string& uuid) {
  const auto it = std::ranges::find(gpus, uuid, &GpuSeen::uuid);
  return it != gpus.end() ? *it : gpus.emplace_back(GpuSeen{uuid, {}, {}, {}});
}

void read_device(json::Reader& r, std::vector<GpuSeen>& gpus) {
  auto& gpu = gpu_of(gpus, r.text_or("uuid", ""));
  gpu.name = r.text_or("name", "");
  gpu.memory_total = measured(r.maybe_number("memory_total"));
  if (gpu.memory_total && *gpu.memory_total < 1) {
    gpu.memory_total.reset();
  }
}

void read_series(json::Reader& r, std::vector<GpuSeen>& gpus) {
  auto& gpu = gpu_of(gpus, r.text_or("gpu", ""));
  for (const auto& item : list(r, "points")) {
    const auto point = read_point(item);
    if (!point) {
      r.fail("points", "one of them has no instant");
      return;
    }
    gpu.points.push_back(*point);
  }
}

} // namespace

Result<std::vector<JobView>> read_jobs(const Json& page) {
  json::Reader r(page, "daemon: ps");
  std::vector<JobView> out;
  need(r, "jobs");
  for (const auto& item : list(r, "jobs")) {
    auto view = read_job_view(item);
    if (!view) {
      return view.error();
    }
    out.push_back(std::move(*view));
  }
  return r.ok() ? Result<std::vector<JobView>>(std::move(out)) : r.error();
}

Result<std::vector<EventView>> read_events(const Json& page) {
  return read_rows<EventView>(page, "events", [](json::Reader& r) {
    EventView e;
    e.at = instant(r, "at");
    e.session = r.text_or("session", "");
    e.kind = r.text("kind");
    e.job = r.text_or("job", "");
    e.name = r.text_or("name", "");
    e.attempt = r.maybe_integer("attempt");
    e.text = r.text_or("text", "");
    return e;
  });
}

Result<std::vector<AttemptView>> read_attempts(const Json& page) {
  return read_rows<AttemptView>(page, "attempts", [](json::Reader& r) {
    AttemptView a;
    a.session = r.text_or("session", "");
    a.job = r.text("job");
    a.name = r.text_or("name", "");
    a.attempt = r.integer("attempt");
    a.started = instant(r, "started_at");
    a.ended = fields::instant(r, "ended_at");
    a.state = r.text("state");
    a.kept_s = seconds(r, "kept_s");
    a.lost_s = seconds(r, "lost_s");
    a.why_lost = r.text_or("why_lost", "");
    return a;
  });
}

Result<std::vector<UseView>> read_uses(const Json& page) {
  return read_rows<UseView>(page, "uses", [](json::Reader& r) {
    UseView u;
    u.resource = r.text("resource");
    u.from = instant(r, "from");
    u.until = instant(r, "until");
    return u;
  });
}

Result<void> read_gpus(const Json& page, std::vector<GpuSeen>& gpus, std::string& note) {
  json::Reader r(page, "daemon: gpu");
  each_object(r, "devices", [&](json::Reader& device) { read_device(device, gpus); });
  each_object(r, "history", [&](json::Reader& series) { read_series(series, gpus); });
  nested(r, "sampling", [&](json::Reader& sampling) { note = sampling.text_or("why", ""); });
  return r.ok() ? Result<void>{} : r.error();
}

} // namespace gpujob::client
