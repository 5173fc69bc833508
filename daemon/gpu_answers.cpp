// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/gpu/view.h"
#include "daemon/gpu_document.h"
#include "daemon/gpu_watch.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// What clients hear of the GPUs, a frame at a time.
namespace gpujob {

using gpujob::json::Json;

namespace {

/// Bytes of an answer that leave room in a frame for what is around it.
constexpr std::size_t k_page_bytes = 56 * 1024;
/// A point is "[1790000000,100,17179869184,100,1000000]," at most, and usually two thirds of it.
constexpr std::size_t k_point_bytes = 48;
constexpr std::size_t k_least_points = 100;
constexpr std::size_t k_longest_document = 48 * 1024;
constexpr std::int64_t k_hour_s = 3600;

/// Where a page goes on: which GPU, which step, after which instant.
struct Cursor {
  std::size_t gpu = 0;
  int step_s = k_gpu_minute_s;
  std::int64_t after = 0;
};

Result<Cursor> read_cursor(const std::string& text) {
  const auto parts = split(text, ':');
  Cursor c;
  if (parts.size() == 3) {
    const auto gpu = parse_int(parts[0]);
    const auto step = parse_int(parts[1]);
    const auto after = parse_int(parts[2]);
    if (gpu && *gpu >= 0 && step && (*step == k_gpu_step_s || *step == k_gpu_minute_s) && after) {
      c.gpu = static_cast<std::size_t>(*gpu);
      c.step_s = static_cast<int>(*step);
      c.after = *after;
      return c;
    }
  }
  return Error{Errc::bad_data, "gpu: cursor: is none of ours: begin without one"};
}

std::string write_cursor(const Cursor& c) {
  return fmt::format("{}:{}:{}", c.gpu, c.step_s, c.after);
}

std::int64_t seconds_of(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
}

/// Averages only where the samples themselves have been forgotten: both would be drawn twice.
void drop_sampled(std::vector<GpuSample>& minutes, std::int64_t now) {
  std::erase_if(minutes, [&](const GpuSample& s) { return s.at > now - k_hour_s; });
}

} // namespace

std::string shorten_gpu_document(const std::string& document) {
  if (document.size() <= k_longest_document) {
    return document;
  }
  auto parsed = json::parse(document, "gpujob-gpuprobe");
  if (!parsed || !parsed->is_object() || !(*parsed)["devices"].is_array()) {
    return {};
  }
  for (auto& device : (*parsed)["devices"]) {
    if (device.is_object()) {
      device["processes"] = nullptr;
    }
  }
  (*parsed)["shortened"] = true;
  auto text = json::dump(*parsed);
  return text.size() <= k_longest_document ? text : std::string();
}

Result<std::vector<GpuSample>> GpuWatch::points(const std::string& gpu, int step_s,
                                                std::int64_t after, std::size_t most) const {
  auto found = m_parts.store->history(gpu, step_s, after, most);
  if (!found || step_s != k_gpu_step_s) {
    return found;
  }
  for (const auto& [of, sample] : m_recorder.waiting()) {
    const auto last = found->empty() ? after : found->back().at;
    if (of == gpu && sample.at > last && found->size() < most) {
      found->push_back(sample);
    }
  }
  return found;
}

Result<Json> GpuWatch::view(const ipc::GpuQuery& query, const Now& now) const {
  const auto& last = m_sampler.last();
  const auto& why = m_sampler.why();
  // What was seen before it went wrong is not how things are.
  auto devices = last && why.empty()
                     ? gpu::devices_view(*last, now, [this](const auto& id) { return name_of(id); })
                     : Json::array();
  Json out{{"at", last ? Json(format_rfc3339(last->at.wall)) : Json()},
           {"sampling",
            {{"every_s", why.empty() ? Json(to_seconds(m_sampler.every())) : Json()},
             {"why", why.empty() ? Json() : Json(why)}}},
           {"devices", std::move(devices)},
           {"history", Json::array()},
           {"next", nullptr}};
  if (!query.history) {
    return out;
  }
  const auto cursor = query.cursor.empty() ? Result<Cursor>(Cursor{}) : read_cursor(query.cursor);
  auto gpus = m_parts.store->gpus();
  if (!cursor || !gpus) {
    return cursor ? gpus.error() : cursor.error();
  }
  for (const auto& [gpu, sample] : m_recorder.waiting()) {
    if (std::ranges::find(*gpus, gpu) == gpus->end()) {
      gpus->push_back(gpu);
    }
  }
  const auto end = seconds_of(now.wall);
  const auto begin = end - std::chrono::duration_cast<std::chrono::seconds>(*query.history).count();
  const auto taken = json::dump(out).size();
  auto room =
      std::max(k_least_points, (k_page_bytes - std::min(taken, k_page_bytes)) / k_point_bytes);
  for (auto at = *cursor; at.gpu < gpus->size();) {
    const auto& gpu = (*gpus)[at.gpu];
    const bool wanted = query.gpu.empty() || query.gpu == gpu;
    auto found = wanted ? points(gpu, at.step_s, std::max(at.after, begin), room + 1)
                        : Result<std::vector<GpuSample>>(std::vector<GpuSample>{});
    if (!found) {
      return found.error();
    }
    if (at.step_s == k_gpu_minute_s) {
      drop_sampled(*found, end);
    }
    const bool more = found->size() > room;
    if (more) {
      found->resize(room);
    }
    room -= found->size();
    auto list = Json::array();
    for (const auto& sample : *found) {
      list.push_back(gpu::point_view(sample));
    }
    if (!list.empty()) {
      out["history"].push_back(
          {{"gpu", printable(gpu)}, {"step_s", at.step_s}, {"points", std::move(list)}});
    }
    if (more) {
      at.after = found->empty() ? std::max(at.after, begin) : found->back().at;
      out["next"] = write_cursor(at);
      break;
    }
    at = at.step_s == k_gpu_minute_s ? Cursor{at.gpu, k_gpu_step_s, 0}
                                     : Cursor{at.gpu + 1, k_gpu_minute_s, 0};
  }
  return out;
}

Result<Json> GpuWatch::snapshots(const ipc::GpuSnapshotsQuery& query) const {
  const auto after = query.cursor.empty() ? 0 : parse_int(query.cursor);
  if (!after) {
    return Error{Errc::bad_data, "gpu.snapshots: cursor: is none of ours: begin without one"};
  }
  constexpr std::size_t k_page = 24;
  const auto rows = m_parts.store->snapshots(query.job, *after, k_page);
  if (!rows) {
    return rows.error();
  }
  Json out{{"snapshots", Json::array()}, {"next", nullptr}};
  std::size_t bytes = 0;
  std::int64_t last = *after;
  for (const auto& row : *rows) {
    bytes += row.document.size() + 300;
    if (bytes > k_page_bytes && !out["snapshots"].empty()) {
      out["next"] = std::to_string(last);
      return out;
    }
    auto document = json::parse(row.document, "snapshot");
    out["snapshots"].push_back({{"at", format_rfc3339(row.at)},
                                {"reason", row.reason},
                                {"job", row.job ? Json(*row.job) : Json()},
                                {"attempt", row.attempt ? Json(*row.attempt) : Json()},
                                {"document", document ? std::move(*document) : Json()}});
    last = row.id;
  }
  if (rows->size() == k_page) {
    out["next"] = std::to_string(last);
  }
  return out;
}

} // namespace gpujob
