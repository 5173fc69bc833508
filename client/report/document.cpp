// SPDX-License-Identifier: Apache-2.0
#include "client/report/write.h"
#include "common/clock.h"
#include "common/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

/// The report for programs. What is not known is null.
namespace gpujob::client {

namespace {

using json::Json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json instant(const std::optional<WallTime>& at) {
  return at ? Json(format_rfc3339(*at)) : Json();
}

Json attempt_json(const AttemptView& a) {
  return {{"session", a.session},
          {"attempt", a.attempt},
          {"started_at", instant(a.started)},
          {"ended_at", instant(a.ended)},
          {"state", a.state},
          {"kept_s", or_null(a.kept_s)},
          {"lost_s", or_null(a.lost_s)},
          {"why_lost", text_or_null(a.why_lost)}};
}

Json job_json(const JobRow& row) {
  auto runs = Json::array();
  for (const auto& run : row.runs) {
    runs.push_back(attempt_json(run.attempt));
  }
  return {{"id", row.id},
          {"name", row.name},
          {"state", row.state},
          {"attempts", std::move(runs)},
          {"ran_s", row.ran_s},
          {"kept_s", row.kept_s},
          {"lost_s", row.lost_s},
          {"open_s", row.open_s},
          {"unknown", row.unknown},
          {"saves", row.saves},
          {"saved_at", instant(row.saved_at)}};
}

Json goodput_json(const Goodput& g) {
  auto losses = Json::array();
  for (const auto& loss : g.losses) {
    losses.push_back({{"why", loss.why}, {"lost_s", loss.seconds}, {"times", loss.times}});
  }
  return {{"share", or_null(g.share())}, {"kept_s", g.kept_s},   {"lost_s", g.lost_s},
          {"open_s", g.open_s},          {"unknown", g.unknown}, {"losses", std::move(losses)}};
}

Json event_json(const EventView& e) {
  return {{"at", instant(e.at)},
          {"session", e.session},
          {"kind", e.kind},
          {"job", text_or_null(e.job)},
          {"name", text_or_null(e.name)},
          {"attempt", or_null(e.attempt)},
          {"text", e.text}};
}

Json use_json(const ResourceUse& use) {
  auto days = Json::array();
  for (const auto& day : use.days) {
    days.push_back({{"from", instant(day.day)}, {"used_s", day.seconds}});
  }
  return {{"resource", use.resource}, {"days", std::move(days)}};
}

/// To a tenth of a percent.
Json series_json(const std::vector<std::optional<double>>& values) {
  auto out = Json::array();
  for (const auto& v : values) {
    out.push_back(v ? Json(std::round(*v * 10) / 10) : Json());
  }
  return out;
}

Json gpu_json(const Report& r, const GpuRow& gpu) {
  return {{"uuid", gpu.uuid},
          {"name", gpu.name},
          {"memory_total", or_null(gpu.memory_total)},
          {"mean_use_percent", or_null(gpu.mean_use)},
          {"idle_share", or_null(gpu.idle_share)},
          {"most_memory", or_null(gpu.most_memory)},
          {"hottest_c", or_null(gpu.hottest_c)},
          {"step_s", to_seconds(r.until - r.from) / static_cast<double>(k_buckets)},
          {"use_percent", series_json(gpu.use)},
          {"memory_percent", series_json(gpu.memory)}};
}

} // namespace

Json report_json(const Report& r) {
  Json out{{"v", 1},
           {"made_at", instant(r.made_at)},
           {"from", instant(r.from)},
           {"until", instant(std::min(r.until, r.made_at))},
           {"about",
            {{"job", text_or_null(r.scope.job)},
             {"last_s", r.scope.last ? Json(to_seconds(*r.scope.last)) : Json()}}},
           {"session",
            {{"id", text_or_null(r.session_id)},
             {"platform", r.session.platform},
             {"variant", text_or_null(r.session.variant)},
             {"started_at", instant(r.session.started_at)},
             {"ends_at", instant(r.session.ends_at)}}},
           {"goodput", goodput_json(r.goodput)},
           {"saves", r.saves},
           {"warnings", r.warnings},
           {"gpu_note", text_or_null(r.gpu_note)},
           {"notes", report_notes(r)}};
  for (const char* key : {"jobs", "events", "uses", "gpus"}) {
    out[key] = Json::array();
  }
  for (const auto& row : r.jobs) {
    out["jobs"].push_back(job_json(row));
  }
  for (const auto& e : r.events) {
    out["events"].push_back(event_json(e));
  }
  for (const auto& use : r.uses) {
    out["uses"].push_back(use_json(use));
  }
  for (const auto& gpu : r.gpus) {
    out["gpus"].push_back(gpu_json(r, gpu));
  }
  return out;
}

} // namespace gpujob::client
