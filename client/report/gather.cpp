// SPDX-License-Identifier: Apache-2.0
#include "client/report/gather.h"

#include "client/pages.h"
#include "client/report/read_pages.h"
#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using json::Json;

/// When a session began is told anew by each daemon, a little apart.
constexpr Duration k_start_slack = std::chrono::minutes{1};
/// Quotas are of weeks: so far back their use is asked for.
constexpr Duration k_quota_days = std::chrono::hours{14 * 24};

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
