// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/world.h"

#include "common/duration.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::policy {

std::string what_ends(const Session& s) {
  if (!s.end_by.empty()) {
    return s.end_by;
  }
  return s.limit ? fmt::format("the session's limit of {}", format_duration(*s.limit))
                 : "the end of the session";
}

bool found_by_others(const World& w, const Job& job) {
  return (w.session.durable && job.attempt > 0) ||
         std::any_of(job.checkpoints.begin(), job.checkpoints.end(),
                     [](const Checkpoint& c) { return !c.durable_path.empty(); });
}

int jobs_in_slots(const World& w) {
  return static_cast<int>(std::count_if(w.active.begin(), w.active.end(), [&](const JobId& id) {
    const auto& job = w.jobs.at(id);
    return is_at_work(job) && (w.slots_said || !wants_gpus(job.spec));
  }));
}

} // namespace gpujob::policy
