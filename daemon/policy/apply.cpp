// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::policy {

namespace detail {

namespace {

/// A durable directory that refused a small file is asked again this much later.
constexpr Duration k_record_retry = std::chrono::seconds{10};

struct ApplyRecord {
  World& w;
  Job& job;
  Running& run;
  const ShimRecord& event;
  Now now;

  void operator()(const journal::Started& b) const { run.pid = b.child_pid; }
  void operator()(const journal::Ready&) const { announce(w, job, "the job says it is ready"); }
  void operator()(const journal::Status& b) const { run.status = b.text; }
  void operator()(const journal::Progress& b) const {
    hear_progress(run, b.value, event.record.boot);
    run.steps.tell(event.record.boot);
  }
  void operator()(const journal::Catches& b) const { run.catches = b.signal; }
  void operator()(const journal::DoneMark&) const {}
  void operator()(const journal::Stopping&) const {}
  void operator()(const journal::Extended&) const {
    announce(w, job, "the job asked for more time to save");
  }

  void operator()(const journal::Requested& b) const {
    // A final request takes the place of one that still waits for its answer.
    run.request = Request{b.request, b.final, event.record.boot, b.signal, {}, {}};
    run.request->planned = run.plan_given ? run.plan_given->request_at : std::nullopt;
    job.request_heard = std::max(job.request_heard, b.request);
    announce(w, job, fmt::format("{} checkpoint requested {}", b.final ? "final" : "a", way_of(b)));
    if (!b.signal.empty()) {
      run.catches = b.signal; // handlers may have come since the first look
    }
  }

  [[nodiscard]] std::string way_of(const journal::Requested& b) const {
    if (!b.signal.empty()) {
      return fmt::format("by {}", b.signal);
    }
    if (const auto route = route_of(job.spec); !route.empty()) {
      return fmt::format("by the checkpoint {}", route);
    }
    return "by the notice file alone: it catches no checkpoint signal";
  }

  void operator()(const journal::RouteFailed& b) const {
    const auto text = fmt::format("checkpoint {}: {}", b.route, printable(b.why));
    announce(w, job, text);
    if (!run.request || run.request->answer) {
      return;
    }
    run.request->note = text;
    const bool both = !job.spec.checkpoint_cmd.empty() && !job.spec.checkpoint_copy.empty();
    if (!run.request->final && run.request->signal.empty() && !both) {
      close_unanswered_request(w, job, now); // nobody else was asked
    }
  }

  void operator()(const journal::Recipe& b) const {
    run.recipe = b.name;
    run.recipe_why = b.why;
    run.recipe_exits = b.exits;
    if (b.name != "plain") {
      announce(w, job,
               fmt::format("recipe {} ({}){}", b.name, printable(b.why),
                           b.exits ? ": it ends after it has saved, and is restarted" : ""));
    }
  }

  void operator()(const journal::Checkpoint& b) const {
    Checkpoint c;
    // What was there when the attempt began is no answer, whoever finds it.
    const bool old = b.path.empty() && std::find(job.baseline.begin(), job.baseline.end(),
                                                 event.signature) != job.baseline.end();
    c.path = b.path.empty() ? (old ? std::string() : event.found) : b.path;
    c.signature = event.signature;
    c.step = b.step;
    c.how = b.how;
    c.at = event.record.wall;
    hear_checkpoint(w, job, std::move(c), std::nullopt, now);
  }

  void operator()(const journal::TermSent& b) const {
    run.ending = true;
    announce(w, job,
             fmt::format("TERM sent ({})",
                         b.reason == EndReason::stop ? "stop asked for" : "the session ends"));
  }
  void operator()(const journal::KillSent&) const { announce(w, job, "KILL sent"); }
  void operator()(const journal::LeaderExited&) const {}
};

std::string resume_text(const Prepared& e) {
  if (e.path.empty()) {
    return "no checkpoint is good: starting from the beginning";
  }
  const auto* how =
      e.from == "durable" ? "restored from the durable directory and verified" : "verified";
  return fmt::format("resuming from {} ({})", printable(e.path), how);
}

void start_running(Job& job, const ShimRecord& e) {
  if (const auto* starting = std::get_if<Starting>(&job.state)) {
    Running run;
    run.since = e.record.boot;
    run.plan_given = starting->plan;
    run.catches = route_of(job.spec);
    job.continue_answered.reset();
    job.state = std::move(run);
    job.started = e.record.wall;
  }
}

} // namespace

void on_event(World& w, const ShimRecord& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  if (job == nullptr || e.record.seq <= job->journal_seq) {
    return;
  }
  start_running(*job, e);
  auto* run = std::get_if<Running>(&job->state);
  if (run == nullptr) {
    return;
  }
  job->journal_seq = e.record.seq;
  std::visit(ApplyRecord{w, *job, *run, e, now}, e.record.body);
  touch(w, *job);
}

void on_event(World& w, const ShimGone& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  if (job == nullptr || std::holds_alternative<Ending>(job->state)) {
    return;
  }
  const bool left = exits_after_saving(*job, e);
  job->seen_to_exit = job->seen_to_exit || left;
  const auto* run = std::get_if<Running>(&job->state);
  const bool by_us = run != nullptr && run->save_asked;
  close_unanswered_request(w, *job, now);
  if (e.same_boot) {
    job->started = started_at(*job, now);
  }
  job->state = Ending{e.record, e.same_boot, left && by_us, what_ends(w.session)};
  touch(w, *job);
}

void on_event(World& w, const Prepared& e, Now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  auto* starting = job == nullptr ? nullptr : std::get_if<Starting>(&job->state);
  if (starting == nullptr || starting->prepare != Work::issued) {
    return;
  }
  if (!e.ok) {
    set_held(w, *job, fmt::format("cannot prepare the resume: {}", e.why));
    return;
  }
  job->rejected = e.rejected;
  for (const auto& line : e.rejected) {
    announce(w, *job, "checkpoint passed over: " + line);
  }
  if (e.path.empty() && !e.rejected.empty()) {
    // Perhaps the mount hiccups: starting over would in the end overwrite what is good.
    set_held(
        w, *job,
        fmt::format("none of its checkpoints can be read ({}); run the same line to try again, "
                    "with --again to start from the beginning",
                    e.rejected.front()));
    return;
  }
  starting->prepare = Work::none;
  starting->launch = Work::wanted;
  job->resume_from = e.path;
  announce(w, *job, resume_text(e));
  touch(w, *job);
}

namespace {

/// A job that never came to run, and that the user has stopped meanwhile.
bool end_if_stopped(World& w, Job& job, Now now) {
  if (!job.stop_asked) {
    return false;
  }
  set_ended(w, job, Ended{EndState::stopped, "stopped by the user", {}, {}, false}, now);
  return true;
}

} // namespace

void on_event(World& w, const LaunchFailed& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  if (job != nullptr && !end_if_stopped(w, *job, now)) {
    set_held(w, *job, fmt::format("cannot start: {}", e.why));
  }
}

void on_event(World& w, const BaselineTaken& e, Now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  if (job != nullptr && job->baseline != e.signatures) {
    job->baseline = e.signatures;
    touch(w, *job);
  }
}

void on_event(World& w, const NeverStarted& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  auto* starting = job == nullptr ? nullptr : std::get_if<Starting>(&job->state);
  if (starting == nullptr || end_if_stopped(w, *job, now)) {
    return;
  }
  if (job->env_held) {
    starting->launch = Work::wanted;
    touch(w, *job);
    return;
  }
  set_held(w, *job, "environment lost with the daemon: run the same line again");
}

void on_event(World& w, const StopAsked& e, Now now) {
  auto* job = find_job(w, e.id);
  if (job == nullptr || job->ended_state() != nullptr) {
    return;
  }
  const auto* starting = std::get_if<Starting>(&job->state);
  const bool never_ran = std::holds_alternative<Queued>(job->state) ||
                         std::holds_alternative<Held>(job->state) ||
                         (starting != nullptr && starting->launch != Work::issued);
  if (never_ran) {
    set_ended(w, *job, Ended{EndState::stopped, "stopped by the user", {}, {}, false}, now);
    return;
  }
  if (!job->stop_asked) {
    job->stop_asked = now.boot;
  }
  job->stop_now = job->stop_now || e.now;
  touch(w, *job);
}

void on_event(World& w, const CheckpointAsked& e, Now) {
  auto* job = find_job(w, e.id);
  if (job == nullptr || (!std::holds_alternative<Running>(job->state) &&
                         !std::holds_alternative<Starting>(job->state))) {
    return;
  }
  ask_checkpoint(w, *job);
}

void on_event(World& w, const RecordWritten& e, Now now) {
  auto* job = find_job(w, e.id);
  if (job == nullptr) {
    return;
  }
  auto& work = e.end ? job->end_record : job->begin_record;
  if (work == Work::issued) {
    work = e.ok ? Work::none : Work::wanted;
    job->record_retry_at = e.ok ? std::nullopt : std::optional(now.boot + k_record_retry);
    touch(w, *job);
  }
}

void on_event(World& w, const EnvironmentHeld& e, Now) {
  if (auto* job = find_job(w, e.id)) {
    job->env_held = true;
  }
}

void on_event(World& w, const HeartbeatWritten&, Now) {
  w.heartbeat_issued = false;
}

void on_event(World& w, const Tick&, Now now) {
  const auto active = w.active; // settle() may take a job out
  for (const auto& id : active) {
    if (auto* job = find_job(w, id)) {
      settle(w, *job, now);
    }
  }
  settle_queue(w, now);
}

} // namespace detail

void apply(World& w, const Event& e, Now now) {
  std::visit(
      [&](const auto& event) {
        detail::on_event(w, event, now);
        if constexpr (requires { event.id; }) {
          if (auto* job = detail::find_job(w, event.id)) {
            detail::settle(w, *job, now);
          }
        }
      },
      e);
}

} // namespace gpujob::policy
