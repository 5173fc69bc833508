// SPDX-License-Identifier: Apache-2.0
#include "daemon/job_moments.h"

#include <algorithm>
#include <variant>

namespace gpujob {

JobMoments::Known JobMoments::look_at(const policy::Job& job) {
  Known known;
  known.attempt = job.attempt;
  if (const auto* running = std::get_if<policy::Running>(&job.state)) {
    known.running = true;
    known.final_request = running->request && running->request->final;
  }
  if (const auto* checkpoint = policy::newest_verified(job)) {
    known.verified = checkpoint->seq;
  }
  return known;
}

JobMoments::JobMoments(const policy::World& w) {
  for (const auto& [id, job] : w.jobs) {
    m_known.emplace(id, look_at(job));
  }
}

std::vector<JobMoments::Moment>
JobMoments::observe(const policy::World& w, std::span<const policy::Announcement> announcements,
                    const std::set<policy::JobId>& changed) {
  std::vector<Moment> out;
  const auto add = [&](const char* reason, const policy::Job& job) {
    const Moment moment{reason, job.id, job.attempt};
    if (std::ranges::find(out, moment) == out.end()) {
      out.push_back(moment);
    }
  };
  for (const auto& id : changed) {
    const auto it = w.jobs.find(id);
    if (it == w.jobs.end()) {
      m_known.erase(id);
      continue;
    }
    const auto& job = it->second;
    const auto now = look_at(job);
    // A job that another session runs is none of this machine's.
    const auto before = m_known.contains(id) ? m_known[id] : Known{};
    m_known[id] = now;
    if (job.imported) {
      continue;
    }
    if (now.running && (!before.running || before.attempt != now.attempt)) {
      add("start", job);
    }
    if (now.verified > before.verified) {
      add("checkpoint", job);
    }
    if (now.final_request && !before.final_request) {
      add("limit", job);
    }
    if (before.running && !now.running) {
      add("end", job);
    }
  }
  for (const auto& a : announcements) {
    const auto it = w.jobs.find(a.job);
    if (a.warning && it != w.jobs.end() && m_known[a.job].running) {
      add("warning", it->second);
    }
  }
  return out;
}

} // namespace gpujob
