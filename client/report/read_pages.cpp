// SPDX-License-Identifier: Apache-2.0
#include "client/report/read_pages.h"

#include "client/views/job.h"
#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace gpujob::client {

namespace {

using Json = nlohmann::json;

WallTime instant(json::Reader& r, const char* key) {
  const auto at = parse_rfc3339(r.text(key));
  if (!at) {
    r.fail(key, "is not an instant");
  }
  return at.value_or(WallTime{});
}

std::optional<WallTime> maybe_instant(json::Reader& r, const char* key) {
  return r.find(key) == nullptr ? std::nullopt : std::optional(instant(r, key));
}

/// Seconds that somebody can have worked.
std::optional<double> seconds(json::Reader& r, const char* key) {
  const auto value = r.maybe_number(key);
  if (value && !(*value >= 0 && *value <= to_seconds(k_longest_span))) {
    r.fail(key, "is out of range");
  }
  return value;
}

template <typename Row, typename Read>
Result<std::vector<Row>> read_rows(const Json& page, const char* key, Read read) {
  json::Reader r(page, "daemon: record");
  std::vector<Row> out;
  const auto* list = r.find(key);
  if (!r.ok() || list == nullptr || !list->is_array()) {
    return Error{Errc::bad_data, std::string("daemon: record: answers without ") + key};
  }
  for (const auto& item : *list) {
    json::Reader one(item, std::string("daemon: ") + key);
    out.push_back(read(one));
    if (!one.ok()) {
      return one.error();
    }
  }
  return out;
}

/// What can be measured of a GPU: bytes, percent, degrees, milliwatts.
std::optional<double> measured(std::optional<double> value) {
  constexpr double k_most = 1e18;
  return value && *value >= 0 && *value <= k_most ? value : std::nullopt;
}

std::optional<double> number_at(const Json& point, std::size_t i) {
  return i < point.size() && point[i].is_number() ? measured(point[i].get<double>()) : std::nullopt;
}

Result<GpuPoint> read_point(const Json& point) {
  const auto at = point.is_array() ? number_at(point, 0) : std::nullopt;
  if (!at || *at > 3 * to_seconds(k_longest_span)) {
    return Error{Errc::bad_data, "daemon: gpu: a point of the history has no instant"};
  }
  return GpuPoint{wall_from_ns(std::llround(*at * 1e9)), number_at(point, 1), number_at(point, 2),
                  number_at(point, 3), number_at(point, 4)};
}

GpuSeen& gpu_of(std::vector<GpuSeen>& gpus, const std::string& uuid) {
  const auto it = std::ranges::find(gpus, uuid, &GpuSeen::uuid);
  return it != gpus.end() ? *it : gpus.emplace_back(GpuSeen{uuid, {}, {}, {}});
}

} // namespace

Result<std::vector<JobView>> read_jobs(const Json& page) {
  json::Reader r(page, "daemon: ps");
  const auto* list = r.find("jobs");
  std::vector<JobView> out;
  if (list == nullptr || !list->is_array()) {
    return Error{Errc::bad_data, "daemon: ps: answers without jobs"};
  }
  for (const auto& item : *list) {
    auto view = read_job_view(item);
    if (!view) {
      return view.error();
    }
    out.push_back(std::move(*view));
  }
  return out;
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
    a.ended = maybe_instant(r, "ended_at");
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
  const auto* devices = r.find("devices");
  for (const auto& item : devices == nullptr ? Json::array() : *devices) {
    json::Reader device(item, "daemon: gpu: device");
    const auto uuid = device.text_or("uuid", "");
    auto& gpu = gpu_of(gpus, uuid);
    gpu.name = device.text_or("name", "");
    gpu.memory_total = measured(device.maybe_number("memory_total"));
    if (gpu.memory_total && *gpu.memory_total < 1) {
      gpu.memory_total.reset();
    }
    if (!device.ok()) {
      return device.error();
    }
  }
  const auto* history = r.find("history");
  for (const auto& item : history == nullptr ? Json::array() : *history) {
    json::Reader one(item, "daemon: gpu: history");
    auto& gpu = gpu_of(gpus, one.text_or("gpu", ""));
    const auto* points = one.find("points");
    for (const auto& point : points == nullptr ? Json::array() : *points) {
      auto read = read_point(point);
      if (!read) {
        return read.error();
      }
      gpu.points.push_back(*read);
    }
    if (!one.ok()) {
      return one.error();
    }
  }
  if (const auto* sampling = r.find("sampling")) {
    json::Reader s(*sampling, "daemon: gpu: sampling");
    note = s.text_or("why", "");
    return s.ok() ? Result<void>{} : s.error();
  }
  return r.ok() ? Result<void>{} : r.error();
}

} // namespace gpujob::client
