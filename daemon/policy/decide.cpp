// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>

namespace gpujob::policy {

namespace {

struct Decider {
  const World& w;
  Now now;
  Decision d;

  void wake_at(std::optional<BootTime> at) { detail::wake_at(d, at, now); }

  void look(const Job& job) {
    if (const auto* starting = std::get_if<Starting>(&job.state)) {
      look_starting(job, *starting);
    } else if (const auto* running = std::get_if<Running>(&job.state)) {
      look_running(job, *running);
    }
    look_checkpoints(job);
    look_records(job);
  }

  void look_starting(const Job& job, const Starting& s) {
    if (s.prepare == Work::wanted) {
      d.actions.emplace_back(Prepare{job.id, job.attempt});
    } else if (s.launch == Work::wanted) {
      auto plan = desired_plan(w, job);
      plan.number = 1;
      d.actions.emplace_back(Launch{job.id, job.attempt, plan});
    }
  }

  void look_running(const Job& job, const Running& r) {
    auto plan = desired_plan(w, job);
    if (!r.plan_given || !same_course(plan, *r.plan_given)) {
      plan.number = r.plan_given ? r.plan_given->number + 1 : 1;
      d.actions.emplace_back(SendPlan{job.id, job.attempt, plan});
    }
    if (job.request_wanted > job.request_sent) {
      d.actions.emplace_back(SendRequest{job.id, job.attempt, job.request_wanted});
    }
    wake_at(detail::no_catch_due(w, job, r));
    wake_at(detail::idle_save_due(w, job, r));
    wake_at(next_save_due(r));
    wake_at(detail::idle_gpu_due(job, r));
    wake_at(detail::overdue_from(job, r));
    wake_at(r.saving.under_way);
  }

  void look_checkpoints(const Job& job) {
    if (const auto* c = detail::next_to_secure(w, job, now)) {
      d.actions.emplace_back(Secure{job.id, c->seq});
      return;
    }
    for (const auto& c : job.checkpoints) {
      wake_at(c.retry_at);
    }
  }

  void look_records(const Job& job) {
    if (job.record_retry_at && *job.record_retry_at > now.boot) {
      wake_at(job.record_retry_at);
      return;
    }
    if (job.begin_record == Work::wanted) {
      d.actions.emplace_back(WriteRecord{job.id, false});
    }
    if (job.end_record == Work::wanted && job.begin_record == Work::none) {
      d.actions.emplace_back(WriteRecord{job.id, true});
    }
  }

  /// `starts`: some job begins an attempt.
  void look_heartbeat(bool starts) {
    if (!w.heartbeat_due || w.heartbeat_issued) {
      return;
    }
    // The lease on a job begins with the heartbeat that names it.
    if (*w.heartbeat_due <= now.boot || starts) {
      d.actions.emplace_back(Heartbeat{w.heartbeat_seq + 1});
    } else {
      wake_at(w.heartbeat_due);
    }
  }
};

struct Intender {
  World& w;
  Now now;

  /// A queued job begins its next attempt.
  void begin(Job& job, int attempt, const std::vector<AssignedGpu>& gpus) const {
    if (job.attempt == attempt) {
      return;
    }
    detail::leave_queue(w, job);
    w.active.insert(job.id);
    if (w.heartbeat_due) {
      w.heartbeat_due = now.boot; // the one under way does not name it
    }
    job.attempt = attempt;
    job.gpus = gpus;
    job.imported = false;
    job.not_before.reset();
    job.journal_seq = 0;
    job.baseline.clear();
    job.started.reset();
    job.request_sent = job.request_heard =
        job.request_wanted; // what the last one never heard is void
    job.resume_from.clear();
    job.rejected.clear();
    job.begin_record = Work::none;
    job.end_record = Work::none; // of the attempt before: this one overtakes it
    job.record_retry_at.reset();
    job.state = Starting{};
  }

  void operator()(const Prepare& a) const {
    auto& job = w.jobs.at(a.id);
    begin(job, a.attempt, a.gpus);
    std::get<Starting>(job.state).prepare = Work::issued;
    w.dirty.insert(a.id);
  }
  void operator()(const Launch& a) const {
    auto& job = w.jobs.at(a.id);
    begin(job, a.attempt, a.gpus);
    auto& starting = std::get<Starting>(job.state);
    starting.launch = Work::issued;
    starting.plan = a.plan;
    w.dirty.insert(a.id);
  }
  void operator()(const SendPlan& a) const {
    std::get<Running>(w.jobs.at(a.id).state).plan_given = a.plan;
  }
  void operator()(const SendRequest& a) const {
    w.jobs.at(a.id).request_sent = a.number;
    w.dirty.insert(a.id);
  }
  void operator()(const Secure& a) const {
    auto& job = w.jobs.at(a.id);
    auto* c = find_checkpoint(job, a.seq);
    c->copying = c->state == CheckpointState::verified;
    c->state = c->copying ? c->state : CheckpointState::securing;
    c->retry_at.reset();
    w.dirty.insert(a.id);
  }
  void operator()(const WriteRecord& a) const {
    auto& job = w.jobs.at(a.id);
    (a.end ? job.end_record : job.begin_record) = Work::issued;
    w.dirty.insert(a.id);
  }
  void operator()(const Heartbeat& a) const {
    w.heartbeat_seq = a.seq;
    w.heartbeat_issued = true;
    w.heartbeat_due = now.boot + w.session.heartbeat_interval;
  }
};

} // namespace

void detail::wake_at(Decision& d, std::optional<BootTime> at, Now now) {
  if (at && *at > now.boot) {
    d.next_wakeup = d.next_wakeup ? std::min(*d.next_wakeup, *at) : *at;
  }
}

Decision decide(const World& w, Now now) {
  Decider decider{w, now, {}};
  for (const auto& id : w.active) {
    decider.look(w.jobs.at(id));
  }
  const bool starts = detail::start_queued(w, now, decider.d);
  decider.look_heartbeat(starts);
  decider.wake_at(w.queue_due);
  return std::move(decider.d);
}

void intend(World& w, const Decision& d, Now now) {
  for (const auto& action : d.actions) {
    std::visit(Intender{w, now}, action);
  }
}

namespace {

/// What was issued is wanted again. A durable directory that was given only now knows nothing of
/// the jobs whose checkpoints will come to lie there: without these records no other session finds
/// them.
void owe_records(const World& w, Job& job) {
  for (auto* work : {&job.begin_record, &job.end_record}) {
    *work = *work == Work::none || !w.session.durable ? Work::none : Work::wanted;
  }
  const auto* newest = newest_verified(job);
  const bool copies = newest != nullptr && newest->retry_at;
  const bool ended = job.ended_state() != nullptr;
  if (!w.session.durable || job.attempt == 0 || job.imported || (ended && !copies)) {
    return;
  }
  job.begin_record = Work::wanted;
  if (ended) {
    job.end_record = Work::wanted;
  }
}

} // namespace

void adopt(World& w) {
  for (auto& [id, job] : w.jobs) {
    for (auto& c : job.checkpoints) {
      if (c.state == CheckpointState::securing) {
        c.state = CheckpointState::heard;
      }
      const bool here_only = c.state == CheckpointState::verified && c.durable_level.empty() &&
                             !c.manifest.empty() && w.session.durable;
      c.copying = false;
      c.retry_at = here_only ? std::optional(BootTime{}) : std::nullopt; // due at once
    }
    owe_records(w, job);
    if (auto* starting = std::get_if<Starting>(&job.state)) {
      starting->prepare = starting->prepare == Work::none ? Work::none : Work::wanted;
    }
    const bool never_launched = std::holds_alternative<Starting>(job.state) &&
                                std::get<Starting>(job.state).launch != Work::issued;
    if (std::holds_alternative<Queued>(job.state) || never_launched) {
      detail::set_held(w, job, "environment lost with the daemon: run the same line again");
    }
    if (job.ended_state() == nullptr && !std::holds_alternative<Held>(job.state)) {
      w.active.insert(id);
    }
    if (auto* running = std::get_if<Running>(&job.state)) {
      // Committed is not sent: the daemon may have died between the two. Saying it again is
      // harmless.
      running->plan_given.reset();
      job.request_sent = std::min(job.request_sent, job.request_heard);
    }
    const auto* newest = newest_verified(job);
    if (job.begin_record != Work::none || job.end_record != Work::none ||
        detail::secure_pending(job) || (newest != nullptr && newest->retry_at)) {
      w.active.insert(id);
    }
  }
}

} // namespace gpujob::policy
