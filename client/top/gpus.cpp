// SPDX-License-Identifier: Apache-2.0
#include "client/top/gpus.h"

#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client::top {

namespace {

using json::Json;

/// Where nothing changes the daemon looks only so often; a missed look is no gap.
constexpr std::int64_t k_stands_s = 25;

/// The list at `key`; an empty one where there is none.
const Json& list_of(json::Reader& r, const char* key) {
  static const Json k_none = Json::array();
  const auto* list = r.find(key);
  if (list != nullptr && !list->is_array()) {
    r.fail(key, "is not a list");
  }
  return list == nullptr || !list->is_array() ? k_none : *list;
}

/// The newest error; nullopt: there was none, or they are not told.
std::optional<std::int64_t> read_xid(json::Reader& r) {
  const auto* xid = r.find("xid");
  if (xid == nullptr) {
    return std::nullopt; // an older daemon tells of none
  }
  json::Reader x(*xid, "daemon: gpu: xid");
  const auto last = x.maybe_integer("last");
  if (!x.ok()) {
    r.fail("xid", x.error().text.c_str());
  }
  return last;
}

Gpu read_device(json::Reader& r) {
  Gpu gpu;
  gpu.vendor = r.text_or("vendor", "");
  gpu.index = r.integer_or("index", 0);
  gpu.uuid = r.text_or("uuid", gpu.vendor + std::to_string(gpu.index));
  gpu.name = r.text_or("name", "");
  gpu.state = r.text_or("state", "ok");
  gpu.error = r.text_or("error", "");
  gpu.use_percent = r.maybe_integer("use_percent");
  gpu.memory_used = r.maybe_integer("memory_used");
  gpu.memory_total = r.maybe_integer("memory_total");
  gpu.temperature_c = r.maybe_integer("temperature_c");
  gpu.power_mw = r.maybe_integer("power_mw");
  gpu.power_limit_mw = r.maybe_integer("power_limit_mw");
  gpu.others = r.maybe_integer("others");
  gpu.throttle = r.texts_or_empty("throttle");
  gpu.last_xid = read_xid(r);
  for (const auto& job : list_of(r, "jobs")) {
    json::Reader one(job, "daemon: gpu: job");
    const auto id = one.text_or("job", "");
    gpu.jobs.push_back(one.text_or("name", id));
    if (!one.ok()) {
      r.fail("jobs", one.error().text.c_str());
    }
  }
  return gpu;
}

std::optional<std::int64_t> number_at(const Json& row, std::size_t i) {
  // A mean of a minute need not be a whole number.
  return row.size() > i && row[i].is_number() && std::abs(row[i].get<double>()) < 1e15
             ? std::optional(static_cast<std::int64_t>(row[i].get<double>()))
             : std::nullopt;
}

std::vector<GpuPoint> read_points(json::Reader& r) {
  std::vector<GpuPoint> out;
  const auto step = std::clamp<std::int64_t>(r.integer_or("step_s", 1), 1, 3600);
  for (const auto& row : list_of(r, "points")) {
    const auto at = row.is_array() ? number_at(row, 0) : std::nullopt;
    if (!at) {
      r.fail("points", "holds one without its time");
      break;
    }
    out.push_back({*at, step, number_at(row, 1), number_at(row, 2)});
  }
  return out;
}

struct HistoryPage {
  Gpus gpus;
  std::vector<std::pair<std::string, std::vector<GpuPoint>>> history;
};

HistoryPage read_page(json::Reader& r) {
  HistoryPage page;
  if (r.find("at") != nullptr) {
    page.gpus.at = parse_rfc3339(r.text("at"));
  }
  if (const auto* sampling = r.find("sampling")) {
    json::Reader s(*sampling, "daemon: gpu: sampling");
    page.gpus.every_s = s.maybe_number("every_s");
    page.gpus.why = s.text_or("why", "");
    if (!s.ok()) {
      r.fail("sampling", s.error().text.c_str());
    }
  }
  for (const auto& device : list_of(r, "devices")) {
    json::Reader d(device, "daemon: gpu: device");
    page.gpus.devices.push_back(read_device(d));
    if (!d.ok()) {
      r.fail("devices", d.error().text.c_str());
    }
  }
  for (const auto& series : list_of(r, "history")) {
    json::Reader h(series, "daemon: gpu: history");
    const auto uuid = h.text_or("gpu", "");
    page.history.emplace_back(uuid, read_points(h));
    if (!h.ok()) {
      r.fail("history", h.error().text.c_str());
    }
  }
  return page;
}

/// A window of the chart whose right edge is `now`: `pick` of the points as parts of `whole`.
template <typename Pick>
Values chart_of(const Gpu& gpu, std::int64_t now, std::size_t columns, double whole, Pick pick) {
  Values out(columns);
  if (columns == 0 || whole <= 0) {
    return out;
  }
  const auto place = [&](std::int64_t at) {
    const auto since = at - (now - k_chart_s);
    return since * static_cast<std::int64_t>(columns) / k_chart_s;
  };
  for (std::size_t i = 0; i < gpu.points.size(); ++i) {
    const auto& point = gpu.points[i];
    const auto value = pick(point);
    if (!value || point.at > now || point.at + k_stands_s + point.step_s < now - k_chart_s) {
      continue;
    }
    auto until = std::min(point.at + point.step_s + k_stands_s, now);
    if (i + 1 < gpu.points.size()) {
      until = std::min(until, gpu.points[i + 1].at - 1);
    }
    const auto last = std::min(place(until), static_cast<std::int64_t>(columns) - 1);
    for (auto column = std::max<std::int64_t>(place(point.at), 0); column <= last; ++column) {
      auto& there = out[static_cast<std::size_t>(column)];
      there = std::max(there.value_or(0), static_cast<double>(*value) / whole);
    }
  }
  return out;
}

} // namespace

Result<void> Gpus::take(const Json& answer) {
  json::Reader r(answer, "daemon: gpu");
  auto page = read_page(r);
  if (!r.ok()) {
    return r.error();
  }
  for (auto& device : page.gpus.devices) {
    const auto before = std::ranges::find(devices, device.uuid, &Gpu::uuid);
    if (before != devices.end()) {
      device.points = std::move(before->points);
    }
  }
  *this = std::move(page.gpus);
  for (auto& [uuid, points] : page.history) {
    add_points(uuid, std::move(points));
  }
  // A daemon that keeps no history of it: then what was seen from here is one.
  for (const auto& gpu : devices) {
    if (at && (gpu.use_percent || gpu.memory_used)) {
      const auto seconds = std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count();
      add_points(gpu.uuid, {{seconds, 1, gpu.use_percent, gpu.memory_used}});
    }
  }
  forget_old();
  return {};
}

void Gpus::add_points(const std::string& uuid, std::vector<GpuPoint> points) {
  const auto gpu = std::ranges::find(devices, uuid, &Gpu::uuid);
  if (gpu == devices.end()) {
    return;
  }
  auto& all = gpu->points;
  all.insert(all.end(), points.begin(), points.end());
  std::ranges::stable_sort(all, {}, &GpuPoint::at);
  const auto same = [](const GpuPoint& a, const GpuPoint& b) { return a.at == b.at; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
}

void Gpus::forget_old() {
  for (auto& gpu : devices) {
    const auto newest = gpu.points.empty() ? 0 : gpu.points.back().at;
    std::erase_if(gpu.points, [&](const GpuPoint& p) { return p.at < newest - 2 * k_chart_s; });
  }
}

Values use_of(const Gpu& gpu, std::int64_t now, std::size_t columns) {
  return chart_of(gpu, now, columns, 100, [](const GpuPoint& p) { return p.use_percent; });
}

Values memory_of(const Gpu& gpu, std::int64_t now, std::size_t columns) {
  return chart_of(gpu, now, columns, static_cast<double>(gpu.memory_total.value_or(0)),
                  [](const GpuPoint& p) { return p.memory_used; });
}

} // namespace gpujob::client::top
