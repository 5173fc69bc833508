// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/job.h"
#include "client/views/session.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <vector>

/// What a report is made of, as the daemon told it. Texts may come from a job: nothing here is fit
/// for a terminal or a page before it was made so.
namespace gpujob::client {

/// What the report is about: one of the two is set, or it is this session.
struct ReportScope {
  std::string job;              ///< a name or an id
  std::optional<Duration> last; ///< of time until now
};

struct EventView {
  WallTime at{};
  std::string session, kind, job, name, text;
  std::optional<std::int64_t> attempt;
};

struct AttemptView {
  std::string session, job, name;
  std::int64_t attempt = 0;
  WallTime started{};
  std::optional<WallTime> ended;
  std::string state;
  std::optional<double> kept_s, lost_s;
  std::string why_lost;

  [[nodiscard]] bool running() const { return state == "running"; }
};

struct UseView {
  std::string resource;
  WallTime from{}, until{};
};

struct GpuPoint {
  WallTime at{};
  std::optional<double> use_percent, memory_used, temperature_c, power_mw;
};

struct GpuSeen {
  std::string uuid, name;
  std::optional<double> memory_total;
  std::vector<GpuPoint> points;
};

struct Gathered {
  ReportScope scope;
  WallTime now{};
  std::string session_id;
  SessionView session;
  std::vector<JobView> jobs; ///< as `ps` has them
  std::string job_id;        ///< of scope.job
  std::vector<EventView> events;
  std::vector<AttemptView> attempts;
  std::vector<UseView> uses;
  std::vector<GpuSeen> gpus;
  std::string gpu_note; ///< why there are no GPUs
};

} // namespace gpujob::client
