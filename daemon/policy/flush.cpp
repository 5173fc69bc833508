// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"

#include <fmt/format.h>

/// The last step of a session: the cache in front of the durable directory is emptied.
namespace gpujob::policy {

std::vector<std::pair<JobId, int>> to_flush(const World& w, Now now) {
  std::vector<std::pair<JobId, int>> cached;
  const bool over = w.session.durable && start_refusal(w, JobSpec{}, SaveHistory{}, now) &&
                    w.queue.empty() && w.active.empty() && !w.heartbeat_issued;
  if (!over) {
    return cached;
  }
  for (const auto& [id, job] : w.jobs) {
    for (const auto& c : job.checkpoints) {
      if (c.state == CheckpointState::verified && c.durable_level == "cached" && !job.imported) {
        cached.emplace_back(id, c.seq);
      }
    }
  }
  return cached;
}

namespace detail {

void on_event(World& w, const Flushed& e, Now) {
  for (const auto& [id, seq] : e.checkpoints) {
    auto* job = find_job(w, id);
    auto* c = job == nullptr ? nullptr : find_checkpoint(*job, seq);
    if (c != nullptr && c->durable_level == "cached") {
      c->durable_level = "flushed";
      announce(w, *job, fmt::format("checkpoint {} is flushed", seq));
      touch(w, *job);
    }
  }
}

} // namespace detail

} // namespace gpujob::policy
