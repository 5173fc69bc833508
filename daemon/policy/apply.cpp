// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"

#include "common/text.h"

#include <chrono>
#include <fmt/format.h>
#include <variant>

namespace gpujob::policy {

namespace detail {

namespace {

/// A durable directory that refused a small file is asked again this much later.
constexpr Duration k_record_retry = std::chrono::seconds{10};

std::string resume_text(const Prepared& e) {
  if (e.path.empty()) {
    return "no checkpoint is good: starting from the beginning";
  }
  const auto* how =
      e.from == "durable" ? "restored from the durable directory and verified" : "verified";
  return fmt::format("resuming from {} ({})", printable(e.path), how);
}

} // namespace

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
  job->state =
      Ending{e.record, e.same_boot, left && by_us, e.same_boot ? what_ends(w.session) : ""};
  expect_look(w, *job, now);
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
