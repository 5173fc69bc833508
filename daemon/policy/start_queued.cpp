// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/gpu_assign.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

/// Who of the queue starts now.
namespace gpujob::policy::detail {

namespace {

struct Starter {
  const World& w;
  Now now;
  Decision& d;
  bool starts = false;

  /// In the order of the queue, as far as there is anything left to give away. What is left gets
  /// less only: where one is refused, so are those behind him who ask for the same.
  void start_all() {
    if (w.queue.empty()) {
      return;
    }
    int free = w.slots - jobs_in_slots(w);
    GpuPool pool(w, now);
    std::multimap<std::int64_t, std::pair<Line::iterator, Line::iterator>> lines; // by the first
    for (const auto& [ask, line] : w.asks) {
      lines.emplace(line.begin()->first, std::pair(line.begin(), line.end()));
    }
    while (!lines.empty()) {
      auto [at, end] = lines.extract(lines.begin()).mapped();
      const auto& job = w.jobs.at(at->second);
      const bool in_slots = w.slots_said || !wants_gpus(job.spec);
      if (in_slots && free <= 0) {
        continue;
      }
      if (can_start_now(job)) {
        if (!start(job, pool)) {
          continue;
        }
        free -= in_slots ? 1 : 0;
      }
      if (++at != end) {
        lines.emplace(at->first, std::pair(at, end));
      }
    }
  }

  /// Whatever there is to give away.
  bool can_start_now(const Job& job) {
    if (start_refusal(w, job.spec, job.history, now)) {
      return false; // settle_queue parks it at the next tick
    }
    const bool later = job.not_before && *job.not_before > now.boot;
    wake_at(d, job.not_before, now);
    return !later;
  }

  /// False when the GPUs that it needs are not free.
  bool start(const Job& job, GpuPool& pool) {
    std::vector<AssignedGpu> gpus;
    if (wants_gpus(job.spec)) {
      auto given = pool.take(job);
      if (!given) {
        wake_at(d, pool.settled_at(), now);
        return false;
      }
      gpus = std::move(*given);
    } else if (job.spec.gpus.empty()) {
      // It may use any GPU, as it would without us; not one that was given to another job, or that
      // one before it in the queue waits for.
      if ((!w.slots_said && pool.all_assigned()) || pool.all_spoken_for()) {
        return false;
      }
      pool.expect_on_some(job);
    }
    if (newest_verified(job) != nullptr) {
      d.actions.emplace_back(Prepare{job.id, job.attempt + 1, std::move(gpus)});
    } else {
      auto plan = desired_plan(w, job);
      plan.number = 1;
      d.actions.emplace_back(Launch{job.id, job.attempt + 1, plan, std::move(gpus)});
    }
    if (w.session.durable) {
      d.actions.emplace_back(WriteRecord{job.id, false});
    }
    starts = true;
    return true;
  }
};

} // namespace

bool start_queued(const World& w, Now now, Decision& d) {
  Starter starter{w, now, d};
  starter.start_all();
  return starter.starts;
}

} // namespace gpujob::policy::detail
