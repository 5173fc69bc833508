// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/core.h"

#include <chrono>
#include <string>
#include <utility>

namespace gpujob::test {

using namespace std::chrono_literals;
using namespace policy;

/// A world with clocks that only move when told, and the loop's order of things.
struct Bench {
  World w;
  Now now{boot_from_ns(1'000'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};
  Decision last;
  std::int64_t seq = 0;

  /// A session of `limit` that begins now.
  void session(Duration limit, Duration margin = 0s) {
    w.session.id = "s1";
    w.session.limit = limit;
    w.session.ends_at = now.boot + limit;
    w.session.plan_end = *w.session.ends_at - margin;
  }
  void durable() {
    w.session.durable = true;
    w.heartbeat_due = now.boot;
  }

  void pass(Duration d) {
    now.boot += d;
    now.wall += d;
  }

  /// One wake-up.
  Decision& step(const Event& e) {
    apply(w, e, now);
    last = decide(w, now);
    intend(w, last, now);
    return last;
  }
  Decision& tick() { return step(Tick{}); }

  template <typename Action>
  [[nodiscard]] const Action* action() const {
    for (const auto& a : last.actions) {
      if (const auto* found = std::get_if<Action>(&a)) {
        return found;
      }
    }
    return nullptr;
  }

  [[nodiscard]] static JobSpec spec(std::string name = "j") {
    JobSpec s;
    s.name = std::move(name);
    s.argv = {"train"};
    s.cwd = "/";
    return s;
  }

  Job& job(const JobId& id = "j1") { return w.jobs.at(id); }
  std::string state(const JobId& id = "j1") { return std::string(state_text(job(id))); }

  void record(journal::Body body, const JobId& id = "j1") {
    step(ShimRecord{id, job(id).attempt, {++seq, now.boot, now.wall, std::move(body)}, {}, {}});
  }
  void saved(const std::string& path, const std::string& signature, const JobId& id = "j1") {
    journal::Record r{++seq, now.boot, now.wall, journal::Checkpoint{"notify", path, 7}};
    step(ShimRecord{id, job(id).attempt, std::move(r), signature, {}});
  }

  /// Submits and brings it to running.
  void run(const JobSpec& s = spec(), const JobId& id = "j1") {
    step(Submitted{id, s});
    started(id);
  }
  /// The checkpoint to resume from is chosen and restored.
  void prepared(const std::string& path, const JobId& id = "j1") {
    step(Prepared{id, job(id).attempt, true, "", path, "local", {}});
  }
  /// The shim of the attempt that was just launched: the job runs.
  void started(const JobId& id = "j1") {
    seq = 0;
    record(journal::Started{100}, id);
  }
  void secured(bool verified = true, std::string level = "", std::string error = "",
               const JobId& id = "j1") {
    const auto* a = action<Secure>();
    Secured s;
    s.id = id;
    s.seq = a != nullptr ? a->seq : job(id).checkpoints.back().seq;
    s.verified = verified;
    s.why = verified ? "" : "truncated";
    s.durable_level = level;
    s.durable_path = level.empty() ? "" : "/durable/1";
    s.durable_error = std::move(error);
    s.manifest = "/m";
    step(s);
  }

  /// A checkpoint, from the word of it until it is verified.
  void save(const std::string& path) {
    saved(path, "sig" + path);
    secured();
  }

  [[nodiscard]] ExitRecord exit_record(std::optional<int> code, std::optional<int> signal = {},
                                       const JobId& id = "j1") {
    ExitRecord r;
    r.job_id = id;
    r.attempt = job(id).attempt;
    r.code = code;
    r.signal = signal;
    r.boot_at = now.boot;
    r.at = now.wall;
    return r;
  }
  void gone(std::optional<ExitRecord> r, bool same_boot = true, const JobId& id = "j1") {
    step(ShimGone{id, job(id).attempt, std::move(r), same_boot});
  }
};

} // namespace gpujob::test
