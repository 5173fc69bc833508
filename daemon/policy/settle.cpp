// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/saving_course.h"
#include "daemon/policy/verdict.h"

#include <algorithm>
#include <fmt/format.h>

/// Transitions that follow from the state alone.
namespace gpujob::policy::detail {

using namespace std::chrono_literals;

namespace {

/// The time a program has to install its handlers; the shim asks no earlier either.
constexpr Duration k_time_to_catch = 10s;
constexpr Duration k_unheard = 90s;
/// As the shim has it (shim/course.h): a request planned so much later is another one.
constexpr Duration k_other_deadline = 1min;
/// With so much left, an end that jobs were ended for has moved.
constexpr Duration k_no_end = 10min;
/// An attempt shorter than this has hardly done anything.
constexpr Duration k_quick = 10s;

ExitFacts facts_of(const Job& job, const Ending& ending) {
  ExitFacts f;
  f.same_boot = ending.same_boot;
  f.stop_asked = job.stop_asked.has_value();
  f.newer_checkpoint = saved_at(job).has_value();
  f.checkpoint_exit = job.spec.checkpoint_exit;
  f.requeue_exit = job.spec.requeue_exit;
  f.no_requeue_exit = job.spec.no_requeue_exit;
  if (const auto& r = ending.record) {
    f.has_record = true;
    f.code = r->code;
    f.signal = r->signal;
    f.done_mark = r->done_mark;
    // Who leaves right after a save that nobody but us wanted leaves because of it.
    f.final_requested = r->final_requested || ending.left_after_save;
    f.left_after_save = !r->final_requested && ending.left_after_save;
    f.limit = ending.limit;
    f.term_sent = r->term_sent;
    f.kill_sent = r->kill_sent;
    f.oom_kills = r->oom_kills;
    f.exec_error = r->exec_error;
  }
  return f;
}

/// Safe for the next session: durable where there is a durable directory, else verified here.
bool is_saved(const World& w, const Job& job) {
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [&](const Checkpoint& c) {
    return c.state == CheckpointState::verified && (!w.session.durable || !c.durable_level.empty());
  });
}

Ended ended(EndState state, std::string reason, const ExitFacts& f) {
  return Ended{state, std::move(reason), f.code, f.signal, false};
}

/// One second between two starts; more for a job that ends within seconds again and again.
Duration restart_delay(Job& job, Now now) {
  const bool quick = !job.started || now.wall - *job.started < k_quick;
  job.quick_restarts = quick ? job.quick_restarts + 1 : 0;
  const int doublings = std::clamp(job.quick_restarts - 1, 0, 6);
  return std::min<Duration>(1s * (1 << doublings), 60s);
}

void go_on(World& w, Job& job, const Verdict& v, const ExitFacts& f, Now now) {
  const bool by_limit = f.term_sent || f.kill_sent || f.final_requested;
  // What was just ended because the session ends is started again only if that was no end.
  const bool over = by_limit && w.session.plan_end && *w.session.plan_end - now.boot < k_no_end;
  const auto refusal = start_refusal(w, job.spec, job.history, now);
  if (!refusal && !over && job.env_held) {
    const auto delay = restart_delay(job, now);
    announce(w, job, fmt::format("{}: going on in {}", v.reason, format_duration(delay)));
    set_queued(w, job, v.reason);
    job.not_before = now.boot + delay;
    return;
  }
  const auto when = refusal && !by_limit
                        ? fmt::format("{}; not restarted now: {}", v.reason, *refusal)
                        : v.reason;
  auto parked = ended(EndState::parked, when, f);
  parked.saved_at_limit = is_saved(w, job);
  set_ended(w, job, std::move(parked), now);
}

void on_interrupted(World& w, Job& job, const Verdict& v, const ExitFacts& f, Now now) {
  ++job.budgets.interruptions;
  job.budgets.no_progress = f.newer_checkpoint ? 0 : job.budgets.no_progress + 1;
  if (job.spec.max_no_progress > 0 && job.budgets.no_progress >= job.spec.max_no_progress) {
    const auto why = fmt::format("{}; no newer checkpoint in {} attempts in a row: see "
                                 "--max-no-progress",
                                 v.reason, job.budgets.no_progress);
    set_ended(w, job, ended(EndState::failed, why, f), now);
    return;
  }
  if (job.spec.max_interruptions >= 0 && job.budgets.interruptions > job.spec.max_interruptions) {
    const auto why = fmt::format("{}; interrupted {} times: see --max-interruptions", v.reason,
                                 job.budgets.interruptions);
    set_ended(w, job, ended(EndState::failed, why, f), now);
    return;
  }
  go_on(w, job, v, f, now);
}

void on_failure(World& w, Job& job, EndState state, const Verdict& v, const ExitFacts& f, Now now) {
  ++job.budgets.failures;
  if (job.budgets.failures > job.spec.max_failures) {
    set_ended(w, job, ended(state, v.reason, f), now);
    return;
  }
  go_on(w, job, v, f, now);
}

/// It had finished by itself; the stop came while its last checkpoint was being looked at.
bool was_over_before_stop(ExitFacts f) {
  f.stop_asked = false;
  return f.has_record && !f.final_requested && !f.term_sent && !f.kill_sent &&
         read_exit(f).kind == VerdictKind::done;
}

void conclude(World& w, Job& job, const Ending& ending, Now now) {
  auto f = facts_of(job, ending);
  if (f.stop_asked && was_over_before_stop(f)) {
    f.stop_asked = false;
  }
  const auto v = read_exit(f);
  switch (v.kind) {
  case VerdictKind::stopped:
    set_ended(w, job, ended(EndState::stopped, job.stop_why.empty() ? v.reason : job.stop_why, f),
              now);
    return;
  case VerdictKind::done:
    set_ended(w, job, ended(EndState::done, v.reason, f), now);
    return;
  case VerdictKind::interrupted:
    on_interrupted(w, job, v, f, now);
    return;
  case VerdictKind::failed:
    on_failure(w, job, EndState::failed, v, f, now);
    return;
  case VerdictKind::failed_for_good:
    set_ended(w, job, ended(EndState::failed, v.reason, f), now);
    return;
  case VerdictKind::lost:
    on_failure(w, job, EndState::lost, v, f, now);
    return;
  }
}

/// A last save that was asked for, while the end has moved away since: the shim will ask again.
bool is_put_off(const Running& running) {
  const auto& request = running.request;
  const auto& plan = running.plan_given;
  return request && request->final && !request->answer && request->planned && plan &&
         plan->request_at && *plan->request_at >= *request->planned + k_other_deadline;
}

void settle_running(World& w, Job& job, Running& running, Now now) {
  if (const auto due = no_catch_due(w, job, running); due && now.boot >= *due) {
    running.told_no_catch = true;
    announce(w, job,
             "catches no checkpoint signal so far: unless it watches $GPUJOB_NOTICE_FILE, it will "
             "not save when it is asked to, only when it does so by itself. What can be done "
             "without it: --checkpoint-cmd CMD makes a checkpoint, --checkpoint-copy PATH takes "
             "what it writes from time to time");
    touch(w, job);
  }
  if (const auto due = idle_save_due(w, job, running); due && now.boot >= *due) {
    running.idle_asked = w.session.idle_end;
    warn(w, job,
         fmt::format("the platform may take this session for idle in {}: asked to save now",
                     format_duration(std::max(*w.session.idle_end - now.boot, Duration{}))));
    ask_checkpoint(w, job);
  }
  if (const auto due = overdue_from(job, running); due && now.boot >= *due) {
    close_unanswered_request(w, job, now);
  }
  if (is_put_off(running)) {
    running.request.reset();
  }
  settle_idle_gpu(w, job, running, now); // now it is known whether it saves
  plan_saves(w, job, running, now);
  if (const auto due = next_save_due(running); due && now.boot >= *due) {
    running.save_asked = now.boot;
    ask_checkpoint(w, job);
  }
}

bool has_work(const World& w, const Job& job) {
  const auto* newest = newest_verified(job);
  const bool retry = newest != nullptr && newest->retry_at && w.session.durable;
  return secure_pending(job) || retry || job.end_record != Work::none ||
         job.begin_record != Work::none;
}

} // namespace

std::optional<BootTime> overdue_from(const Job& job, const Running& running) {
  const auto& request = running.request;
  if (!request || request->final || request->answer) {
    return std::nullopt;
  }
  // One that was asked by the notice file alone answers soon, or does not read it.
  const bool heard = !request->signal.empty() || !running.catches.empty();
  return request->sent + (heard ? patience(job.history) : k_unheard);
}

std::optional<BootTime> no_catch_due(const World& w, const Job& job, const Running& running) {
  const bool matters = w.session.plan_end && job.spec.checkpoint_signal != "none";
  const bool open = running.catches.empty() && !running.told_no_catch && !running.ending;
  return matters && open ? std::optional(running.since + k_time_to_catch) : std::nullopt;
}

void settle(World& w, Job& job, Now now) {
  if (auto* running = std::get_if<Running>(&job.state)) {
    settle_running(w, job, *running, now);
  } else if (std::holds_alternative<Ending>(job.state) && !secure_pending(job)) {
    const auto ending = std::get<Ending>(job.state);
    conclude(w, job, ending, now);
    job.left = ending.record ? std::optional(ending.record->at) : std::nullopt;
    if (job.ended && ending.record) {
      job.ended = ending.record->at; // no daemon may have lived to hear of it
    }
  }
  const bool waiting =
      std::holds_alternative<Queued>(job.state) || std::holds_alternative<Held>(job.state);
  const bool idle = waiting || job.ended_state() != nullptr;
  if (idle && !has_work(w, job)) {
    w.active.erase(job.id);
  } else {
    w.active.insert(job.id);
  }
}

void settle_queue(World& w, Now now) {
  if (!w.queue_due || now.boot < *w.queue_due) {
    return;
  }
  w.queue_due.reset();
  const auto queue = w.queue; // set_ended() takes jobs out
  for (const auto& [order, id] : queue) {
    auto& job = w.jobs.at(id);
    const auto why = start_refusal(w, job.spec, job.history, now);
    if (!why) {
      queue_due_from(w, job);
      continue;
    }
    Ended parked{EndState::parked, *why, {}, {}, false};
    parked.saved_at_limit = is_saved(w, job);
    set_ended(w, job, std::move(parked), now);
  }
}

} // namespace gpujob::policy::detail
