// SPDX-License-Identifier: Apache-2.0
#include "client/report/gather.h"

#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using Json = nlohmann::json;

/// More pages than this of one answer are no answer.
constexpr int k_most_pages = 10'000;
/// When a session began is told anew by each daemon, a little apart.
constexpr Duration k_start_slack = std::chrono::minutes{1};
/// Quotas are of weeks: so far back their use is asked for.
constexpr Duration k_quota_days = std::chrono::hours{14 * 24};

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

/// All pages; each is handed to `take`.
template <typename Take>
Result<void> each_page(Connection& connection, const char* method, Json params, Take take) {
  params["cursor"] = nullptr;
  for (int i = 0; i < k_most_pages; ++i) {
    auto page = connection.call(method, params);
    if (!page) {
      return page.error();
    }
    GPUJOB_TRY(take(*page));
    const auto next = page->find("next");
    if (next == page->end() || next->is_null()) {
      return {};
    }
    params["cursor"] = *next;
  }
  return Error{Errc::bad_data, std::string("daemon: ") + method + ": its pages do not end"};
}

template <typename Row>
auto append_to(std::vector<Row>& all, Result<std::vector<Row>> (*read)(const Json&)) {
  return [&all, read](const Json& page) -> Result<void> {
    auto rows = read(page);
    if (!rows) {
      return rows.error();
    }
    std::move(rows->begin(), rows->end(), std::back_inserter(all));
    return {};
  };
}

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

/// Its GPUs are of this session; what was before the daemon began, nobody has looked at.
Result<void> gather_gpus(Connection& connection, Gathered& out, WallTime since) {
  const double history_s = std::max(to_seconds(out.now - since), 1.0);
  const auto done =
      each_page(connection, "gpu",
                {{"history_s", static_cast<std::int64_t>(std::ceil(history_s))}, {"gpu", nullptr}},
                [&](const Json& page) { return read_gpus(page, out.gpus, out.gpu_note); });
  if (!done && done.error().code == Errc::usage) {
    out.gpus.clear();
    out.gpu_note = "this daemon keeps no history of GPUs";
    return {};
  }
  for (auto& gpu : out.gpus) {
    std::ranges::stable_sort(gpu.points, {}, &GpuPoint::at);
  }
  const bool looked =
      std::ranges::any_of(out.gpus, [](const GpuSeen& gpu) { return !gpu.points.empty(); });
  if (!looked && out.gpu_note.empty()) {
    out.gpu_note = out.gpus.empty() ? "no GPU was seen" : "nobody has looked in this time";
  }
  return done;
}

Result<void> gather_session(Connection& connection, Gathered& out) {
  const auto answer = connection.call("quota", Json::object());
  if (!answer) {
    return answer.error();
  }
  auto view = read_session_view(*answer);
  if (!view) {
    return view.error();
  }
  out.session = std::move(*view);
  if (const auto session = answer->find("session"); session != answer->end()) {
    json::Reader r(*session, "daemon: session");
    out.session_id = r.text_or("id", "");
  }
  return {};
}

/// From when on the record is of interest; nullopt: all of it.
std::optional<WallTime> begin_of(const Gathered& g) {
  if (g.scope.last) {
    return g.now - *g.scope.last;
  }
  if (!g.job_id.empty() || !g.session.started_at) {
    return std::nullopt;
  }
  return *g.session.started_at - k_start_slack;
}

} // namespace

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

Result<Gathered> gather(Connection& connection, const ReportScope& scope, WallTime now) {
  Gathered out;
  out.scope = scope;
  out.now = now;
  GPUJOB_TRY(gather_session(connection, out));
  if (!scope.job.empty()) {
    auto shown = connection.call("show", {{"job", scope.job}});
    if (!shown) {
      return shown.error();
    }
    auto job = read_job_view(*shown);
    if (!job) {
      return job.error();
    }
    out.job_id = job->id;
  }
  const auto begin = begin_of(out);
  const Json since = begin ? Json(format_rfc3339(*begin)) : Json();
  GPUJOB_TRY(each_page(connection, "ps", {{"all", true}}, append_to(out.jobs, read_jobs)));
  GPUJOB_TRY(each_page(connection, "attempts", {{"since", since}},
                       append_to(out.attempts, read_attempts)));
  GPUJOB_TRY(
      each_page(connection, "events", {{"since", since}}, append_to(out.events, read_events)));
  const auto days = std::max<Duration>(scope.last.value_or(Duration{}), k_quota_days);
  GPUJOB_TRY(each_page(connection, "usage", {{"since", format_rfc3339(now - days)}},
                       append_to(out.uses, read_uses)));
  auto first = begin;
  for (const auto& a : out.attempts) {
    if (!begin && a.job == out.job_id) {
      first = std::min(first.value_or(a.started), a.started);
    }
  }
  GPUJOB_TRY(gather_gpus(connection, out, first.value_or(now)));
  return out;
}

} // namespace gpujob::client
