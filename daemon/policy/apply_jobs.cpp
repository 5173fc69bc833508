// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>
#include <fmt/format.h>

/// Jobs that come, come back and go.
namespace gpujob::policy::detail {

void announce(World& w, const Job& job, std::string text) {
  w.announcements.push_back({job.id, std::move(text)});
}

void warn(World& w, const Job& job, std::string text) {
  announce(w, job, std::move(text));
  w.announcements.back().warning = true;
}

void touch(World& w, const Job& job) {
  w.dirty.insert(job.id);
}

Job* find_job(World& w, const JobId& id) {
  const auto it = w.jobs.find(id);
  return it == w.jobs.end() ? nullptr : &it->second;
}

Job* find_attempt(World& w, const JobId& id, int attempt) {
  auto* job = find_job(w, id);
  if (job == nullptr || job->attempt != attempt) {
    return nullptr;
  }
  const bool under_way = std::holds_alternative<Starting>(job->state) ||
                         std::holds_alternative<Running>(job->state) ||
                         std::holds_alternative<Ending>(job->state);
  return under_way ? job : nullptr;
}

void set_queued(World& w, Job& job, std::string reason) {
  job.state = Queued{std::move(reason)};
  job.ended.reset();
  job.stop_asked.reset();
  job.stop_now = false;
  job.stop_why.clear();
  job.end_record = Work::none; // of the attempt before, not written yet: without it, it vanished
  w.queue.insert({job.order, job.id});
  w.asks[{job.spec.gpus, job.spec.gpu_memory}].insert({job.order, job.id});
  queue_due_from(w, job);
  touch(w, job);
}

void leave_queue(World& w, const Job& job) {
  w.queue.erase({job.order, job.id});
  if (const auto it = w.asks.find({job.spec.gpus, job.spec.gpu_memory}); it != w.asks.end()) {
    it->second.erase({job.order, job.id});
    if (it->second.empty()) {
      w.asks.erase(it);
    }
  }
}

void expect_look(World& w, const Job& job, Now now) {
  // The sampler looks within a second of a job's end, and gives a driver three to answer.
  constexpr Duration k_look_comes = std::chrono::seconds{5};
  if (job.spec.gpus != "none") {
    w.look_due_until = now.boot + k_look_comes;
  }
}

void hold_if_impossible(World& w, Job& job) {
  if (const auto never = gpu_refusal(w, job.spec)) {
    set_held(w, job, *never + ": run the same line with another --gpus");
  }
}

void queue_due_from(World& w, const Job& job) {
  if (const auto at = start_refused_from(w, job.spec, job.history)) {
    w.queue_due = w.queue_due ? std::min(*w.queue_due, *at) : *at;
  }
}

void set_held(World& w, Job& job, std::string reason) {
  leave_queue(w, job);
  announce(w, job, "held: " + reason);
  job.state = Held{std::move(reason)};
  touch(w, job);
}

void set_ended(World& w, Job& job, Ended ended, Now now) {
  leave_queue(w, job);
  w.announcements.push_back(
      {job.id, fmt::format("{}: {}", to_text(ended.state), ended.reason), true});
  job.state = std::move(ended);
  job.ended = now.wall;
  job.env_held = false; // whoever wants it to go on brings the line again
  job.stop_asked.reset();
  job.stop_now = false;
  job.stop_why.clear();
  // Of an attempt that was made elsewhere and not followed by one here the word is theirs.
  if (w.session.durable && job.attempt > 0 && !job.imported) {
    job.end_record = Work::wanted;
    w.active.insert(job.id);
  }
  if (w.heartbeat_due) {
    w.heartbeat_due = now.boot; // the lease on this job ends with the next heartbeat
  }
  touch(w, job);
}

namespace {

/// Two clients may have asked for one name before either was answered.
bool is_under_way(const World& w, const std::string& name) {
  return std::any_of(w.jobs.begin(), w.jobs.end(), [&](const auto& item) {
    return item.second.spec.name == name && item.second.ended_state() == nullptr &&
           !std::holds_alternative<Held>(item.second.state);
  });
}

/// Not each time anew: a driver that hangs must not hold up for ever those who ask for no GPU.
void expect_first_look(World& w, const Job& job, Now now) {
  if (!w.gpus.looked && !w.look_due_until && wants_gpus(job.spec)) {
    expect_look(w, job, now);
  }
}

} // namespace

void on_event(World& w, const Submitted& e, Now now) {
  if (w.jobs.contains(e.id) || (e.unique && is_under_way(w, e.spec.name))) {
    return;
  }
  Job job;
  job.id = e.id;
  job.order = w.next_order++;
  job.spec = e.spec;
  job.created = now.wall;
  job.env_held = true;
  auto& placed = w.jobs.emplace(e.id, std::move(job)).first->second;
  set_queued(w, placed, "waits for a slot");
  hold_if_impossible(w, placed);
  expect_first_look(w, placed, now);
}

void on_event(World& w, const Resumed& e, Now now) {
  auto* job = find_job(w, e.id);
  const bool resumable =
      job != nullptr && (job->ended_state() != nullptr || std::holds_alternative<Held>(job->state));
  if (!resumable) {
    return;
  }
  if (is_under_way(w, e.spec.name)) {
    touch(w, *job); // the command line that came with it is let go
    return;
  }
  w.active.erase(job->id);
  job->spec = e.spec;
  job->env_held = true;
  job->order = w.next_order++;
  job->started.reset(); // that was the attempt before
  job->removed = false;
  set_queued(w, *job, "waits for a slot");
  hold_if_impossible(w, *job);
  expect_first_look(w, *job, now);
}

void on_event(World& w, const Removed& e, Now) {
  auto* job = find_job(w, e.id);
  if (job == nullptr || job->ended_state() == nullptr) {
    return;
  }
  w.active.erase(e.id);
  w.dirty.insert(e.id);
  if (found_by_others(w, *job)) {
    job->removed = true; // else the next look at the durable directory would bring it back
  } else {
    w.jobs.erase(e.id);
  }
}

namespace {

/// What another session did after us wins: it has the higher attempt number. What we only heard of
/// ourselves is replaced by what is heard later.
bool is_news(const World& w, const Job& theirs) {
  const auto it = w.jobs.find(theirs.id);
  if (it == w.jobs.end()) {
    return true;
  }
  const auto& ours = it->second;
  const bool rests = ours.ended_state() != nullptr || std::holds_alternative<Held>(ours.state);
  // Somebody may have wished it here since, and been told why not; that stands, unless it is done.
  const auto* end = theirs.ended_state();
  const bool told_since =
      ours.ended > theirs.ended && (end == nullptr || end->state != EndState::done);
  return rests &&
         (ours.attempt < theirs.attempt ||
          (ours.imported && !ours.removed && !told_since && ours.attempt == theirs.attempt));
}

} // namespace

void on_event(World& w, const Imported& e, Now) {
  if (!is_news(w, e.job) || e.job.ended_state() == nullptr) {
    return;
  }
  auto job = e.job;
  const auto it = w.jobs.find(job.id);
  job.order = it == w.jobs.end() ? w.next_order++ : it->second.order;
  job.imported = true;
  if (!job.history.saves.empty()) {
    job.history.relearn(w.session.storage, prior_of(w, job));
  }
  w.active.erase(job.id);
  w.dirty.insert(job.id);
  w.jobs[job.id] = std::move(job);
}

} // namespace gpujob::policy::detail
