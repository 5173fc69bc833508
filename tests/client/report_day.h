// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/report/gathered.h"

#include <chrono>
#include <cmath>
#include <string>

/// A session of 12 hours as the daemon would tell it, made up: several jobs that save every few
/// minutes, GPUs looked at every second of the last hour and every minute before.
namespace gpujob::test {

using namespace std::chrono_literals;

inline const WallTime k_day = wall_from_ns(1'790'000'000'000'000'000);

inline client::EventView happened(Duration after, std::string kind, std::string job = "",
                                  std::string text = "text") {
  return {k_day + after,   "s1", std::move(kind), job, job.empty() ? "" : "name-" + job,
          std::move(text), {}};
}

inline client::AttemptView attempt(std::string job, std::int64_t n, Duration from,
                                   std::optional<Duration> until, std::string state,
                                   std::optional<double> kept, std::optional<double> lost,
                                   std::string why = "") {
  client::AttemptView a{"s1", job,  "name-" + job, n, k_day + from, {}, std::move(state),
                        kept, lost, std::move(why)};
  a.ended = until ? std::optional(k_day + *until) : std::nullopt;
  return a;
}

inline client::Gathered empty_session(Duration passed = 12h) {
  client::Gathered g;
  g.now = k_day + passed;
  g.session_id = "s1";
  g.session.platform = "kaggle";
  g.session.started_at = k_day;
  return g;
}

inline client::GpuSeen gpu_day(int number, Duration passed) {
  client::GpuSeen gpu{"GPU-" + std::to_string(number), "Tesla T4", 16e9, {}};
  for (auto t = Duration{}; t<passed; t += passed - t> 1h ? Duration(60s) : Duration(1s)) {
    const double wave = std::sin(to_seconds(t) / 400 + number);
    const bool rests = std::fmod(to_seconds(t) / 3600 + number, 4.0) < 0.25;
    gpu.points.push_back({k_day + t, rests ? 0 : 86 + 8 * wave, rests ? 4e8 : 11e9 + 1e9 * wave,
                          60 + 9 * wave, 62e3});
  }
  return gpu;
}

inline client::Gathered full_session(int jobs = 12, int gpus = 8) {
  auto g = empty_session();
  g.session.ends_at = k_day + 12h + 20min;
  for (int j = 0; j < jobs; ++j) {
    const auto job = "j" + std::to_string(j);
    const auto begin = j * 20min;
    int n = 0;
    for (auto t = begin; t < 12h; t += 3h) {
      const bool last = t + 3h >= 12h;
      const auto end = t + 3h - 2min;
      g.events.push_back(happened(t, "run_started", job));
      for (auto save = t + 5min; save < std::min<Duration>(t + 3h, 12h); save += 5min) {
        g.events.push_back(happened(save, "checkpoint", job, "checkpoint, 1.2 GB, by notify"));
      }
      g.attempts.push_back(last
                               ? attempt(job, ++n, t, {}, "running", to_seconds(12h - t - 5min), {})
                               : attempt(job, ++n, t, end, "interrupted", 175 * 60.0, 180.0,
                                         "exit code 75 after a new checkpoint: to be resumed"));
      if (!last) {
        g.events.push_back(happened(end, "run_ended", job));
        g.events.push_back(happened(end - 1min, "warning", job, "no checkpoint was made"));
      }
    }
  }
  g.events.push_back(happened(11h, "notice", "", "spot: the machine is taken back"));
  for (int i = 0; i < gpus; ++i) {
    g.gpus.push_back(gpu_day(i, 12h));
  }
  g.uses.push_back({"gpu", k_day - 20h, k_day - 16h});
  g.uses.push_back({"gpu", k_day, g.now});
  return g;
}

/// All that a job or a platform can put into a report, as something that a page must not obey.
inline client::Gathered hostile() {
  const std::string evil = "</title><script>alert(1)</script>\"'><img src=http://x/>&amp;\x1b[31m";
  auto g = empty_session(1h);
  g.session.platform = g.session.variant = evil;
  g.gpu_note = evil;
  g.events = {happened(5min, "warning", "j1", evil), happened(6min, "notice", "", evil),
              happened(7min, "checkpoint", "j1", evil), happened(8min, evil, "j1", evil)};
  g.attempts = {attempt("j1", 1, 1min, 30min, evil, 60, 60, evil),
                attempt("j1", 2, 31min, {}, "running", 0, {})};
  for (auto& e : g.events) {
    e.name = evil;
  }
  for (auto& a : g.attempts) {
    a.name = evil;
  }
  g.uses = {{evil, k_day, k_day + 1h}};
  g.gpus = {gpu_day(0, 1h)};
  g.gpus[0].name = evil;
  client::LimitView limit;
  limit.type = "window";
  limit.resource = evil;
  limit.amount_s = 9000;
  g.session.limits = {limit};
  return g;
}

} // namespace gpujob::test
