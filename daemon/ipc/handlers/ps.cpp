// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "daemon/ipc/view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

namespace {

/// Short views are usually about 400 bytes; with strange names and reasons a page is shorter.
constexpr std::size_t k_page = 60;
constexpr std::size_t k_page_bytes = 48 * 1024;

/// Without `all`: what lives, what waits to be resumed, and the ten that ended last.
constexpr std::size_t k_recent = 10;

using Listed = std::vector<const policy::Job*>;

bool goes_on(const policy::Job& job) {
  const auto* ended = job.ended_state();
  return ended == nullptr || ended->state == policy::EndState::parked;
}

Listed listed(const policy::World& w, bool all) {
  Listed jobs;
  for (const auto& [id, job] : w.jobs) {
    if (!job.removed) {
      jobs.push_back(&job);
    }
  }
  std::sort(jobs.begin(), jobs.end(),
            [](const auto* a, const auto* b) { return a->order < b->order; });
  if (all) {
    return jobs;
  }
  std::size_t ended = 0;
  Listed kept;
  for (auto it = jobs.rbegin(); it != jobs.rend(); ++it) {
    if (goes_on(**it) || ended++ < k_recent) {
      kept.push_back(*it);
    }
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

} // namespace

void handle_ps(Backend& backend, Request request) {
  json::Reader r(*request.params, "ps");
  const bool all = r.boolean_or("all", false);
  const auto after = r.integer_or("cursor", 0); // the order of the last job of the page before
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  auto jobs = nlohmann::json::array();
  nlohmann::json next;
  std::int64_t last = 0;
  std::size_t bytes = 0;
  const auto shown = listed(backend.world(), all);
  const auto more = all ? 0 : listed(backend.world(), true).size() - shown.size();
  for (const auto* job : shown) {
    if (job->order <= after) {
      continue;
    }
    auto view = short_view(backend.world(), *job, backend.now());
    bytes += json::dump(view).size();
    if (jobs.size() == k_page || bytes > k_page_bytes) {
      next = last;
      break;
    }
    jobs.push_back(std::move(view));
    last = job->order;
  }
  request.reply({{"jobs", std::move(jobs)}, {"next", std::move(next)}, {"more", more}});
}

} // namespace gpujob::ipc
