// SPDX-License-Identifier: Apache-2.0
#include "client/top/model.h"

#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::client::top {

namespace {

/// 0: at work, 1: waits, 2: over.
int group_of(const Job& job) {
  return job.active() ? 0 : job.ended() ? 2 : 1;
}

/// Of two that are over the newer first; others as they were listed.
bool comes_before(const Job& a, const Job& b) {
  const auto group = group_of(a);
  if (group != group_of(b)) {
    return group < group_of(b);
  }
  return group == 2 && a.view.ended_at > b.view.ended_at;
}

/// What a list does not say is as it was.
void keep_details(Job& listed, Job& before) {
  if (!before.known_whole || before.view.attempt != listed.view.attempt) {
    return;
  }
  auto& to = listed.view;
  auto& from = before.view;
  to.status = std::move(from.status);
  to.request_at = from.request_at;
  to.term_at = from.term_at;
  to.ends_at = from.ends_at;
  to.saving = std::move(from.saving);
  to.checkpoints = std::move(from.checkpoints);
  listed.known_whole = true;
}

/// When its work will be done, by its own progress.
std::optional<WallTime> estimate(const JobView& view, WallTime now) {
  const auto left = view.left_s.value_or(-1);
  return left >= 0 && left <= to_seconds(k_longest_span)
             ? std::optional(
                   now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(left)))
             : std::nullopt;
}

} // namespace

bool Job::active() const {
  return view.state == "running" || view.state == "starting" || view.state == "ending";
}

bool Job::ended() const {
  return !active() && !view.waiting();
}

const CheckpointView* Job::on_its_way() const {
  const auto& all = view.checkpoints;
  const auto it = std::find_if(all.rbegin(), all.rend(), [](const CheckpointView& c) {
    return c.pending() || (c.stored_bytes && c.total_bytes);
  });
  return it == all.rend() ? nullptr : &*it;
}

Result<Job> read_job(const nlohmann::json& document, WallTime now) {
  auto view = read_job_view(document);
  if (!view) {
    return view.error();
  }
  Job job;
  job.view = std::move(*view);
  job.known_whole = document.contains("checkpoints");
  job.done_at = estimate(job.view, now);
  return job;
}

void Model::list(std::vector<Job> listed) {
  for (auto& job : listed) {
    const auto before =
        std::ranges::find(jobs, job.view.id, [](const Job& j) { return j.view.id; });
    if (before != jobs.end()) {
      keep_details(job, *before);
    }
  }
  const auto was = std::ranges::find(jobs, choice.job, [](const Job& j) { return j.view.id; });
  const auto place = was - jobs.begin();
  jobs = std::move(listed);
  std::ranges::stable_sort(jobs, comes_before);
  if (selected() == nullptr) {
    // The one that stands where the selected one was.
    const auto last = std::max<std::ptrdiff_t>(std::ssize(jobs) - 1, 0);
    const auto there = choice.job.empty() ? 0 : std::min(place, last);
    choose(jobs.empty() ? "" : jobs[static_cast<std::size_t>(there)].view.id);
    choice.asks_stop = false;
  }
}

void Model::put(Job job) {
  const auto it = std::ranges::find(jobs, job.view.id, [](const Job& j) { return j.view.id; });
  if (it != jobs.end()) {
    *it = std::move(job);
  }
}

const Job* Model::selected() const {
  const auto it = std::ranges::find(jobs, choice.job, [](const Job& j) { return j.view.id; });
  return it == jobs.end() ? nullptr : &*it;
}

bool Model::lacks_log() const {
  const auto* job = selected();
  return job != nullptr && job->view.attempt != log.attempt && (log.attempt == 0 || !held());
}

void Model::select(std::ptrdiff_t step) {
  const auto* now_selected = selected();
  if (now_selected == nullptr) {
    return;
  }
  const auto last = std::ssize(jobs) - 1;
  const auto place = std::clamp<std::ptrdiff_t>(now_selected - jobs.data() + step, 0, last);
  choose(jobs[static_cast<std::size_t>(place)].view.id);
}

void Model::choose(std::string id) {
  if (id != choice.job) {
    choice.job = std::move(id);
    choice.rows_up = 0;
    log = {};
  }
}

} // namespace gpujob::client::top
