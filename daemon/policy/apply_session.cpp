// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/saving_course.h"

#include "common/duration.h"

#include <utility>

/// What is heard of the session itself.
namespace gpujob::policy::detail {

using namespace std::chrono_literals;

namespace {

/// An idle end that is seen to move by less than this is the one that was asked for.
constexpr Duration k_same_idle_end = 60s;

} // namespace

void on_event(World& w, const EndMoved& e, Now now) {
  auto& s = w.session;
  s.ends_at = e.ends_at;
  s.plan_end = e.plan_end;
  s.noticed = e.noticed;
  s.end_why = e.why;
  s.end_by = e.by;
  s.end_spread = e.spread;
  s.limit = e.limit ? e.limit : s.limit;
  for (const auto& id : w.active) {
    if (const auto& job = w.jobs.at(id); job.ended_state() == nullptr && !e.why.empty()) {
      warn(w, job, e.why);
    }
  }
  w.queue_due.reset();
  for (const auto& [order, id] : w.queue) {
    queue_due_from(w, w.jobs.at(id));
  }
  const auto active = w.active; // settle() may take a job out
  for (const auto& id : active) {
    settle(w, w.jobs.at(id), now);
  }
}

void on_event(World& w, const DeathsSeen& e, Now now) {
  w.session.deaths = e.deaths;
  if (auto& transient = w.session.transient) {
    transient->law = transient->published.after(e.deaths.lives);
  }
  const auto active = w.active; // settle() may take a job out
  for (const auto& id : active) {
    settle(w, w.jobs.at(id), now);
  }
}

void on_event(World& w, const GpusSeen& e, Now now) {
  // Only now it can be told of those that came before the first look. Later GPUs may go for a
  // while, and whoever could have them waits.
  const bool first = !w.gpus.looked && e.gpus.looked;
  const auto before = std::exchange(w.gpus, e.gpus);
  tell_xids(w, before, now);
  const auto queue = first ? w.queue : Line{}; // those that are held leave it
  for (const auto& [order, id] : queue) {
    hold_if_impossible(w, w.jobs.at(id));
  }
  const auto active = w.active; // settle() may take a job out
  for (const auto& id : active) {
    settle(w, w.jobs.at(id), now);
  }
}

void on_event(World& w, const IdleExpected& e, Now now) {
  w.session.idle_end = e.at;
  w.session.idle_since = e.since;
  const auto active = w.active; // settle() may take a job out
  for (const auto& id : active) {
    settle(w, w.jobs.at(id), now);
  }
}

void on_event(World& w, const SaveWished& e, Now) {
  for (const auto& id : w.active) {
    auto& job = w.jobs.at(id);
    const auto* running = std::get_if<Running>(&job.state);
    if (running != nullptr && !running->ending) {
      warn(w, job, e.why);
      ask_checkpoint(w, job);
    }
  }
}

std::optional<BootTime> idle_save_due(const World& w, const Job& job, const Running& running) {
  const auto end = w.session.idle_end;
  const bool asked = end && running.idle_asked && *end < *running.idle_asked + k_same_idle_end;
  if (!end || asked || running.ending) {
    return std::nullopt;
  }
  // A lead that is as long as the cap must not make every short pause a save.
  const auto half = w.session.idle_since + (*end - w.session.idle_since) / 2;
  return std::max({*end - lead_of(w, job.spec, job.history), half, running.since});
}

void ask_checkpoint(World& w, Job& job) {
  const auto* running = std::get_if<Running>(&job.state);
  const bool unheard = job.request_wanted > job.request_heard;
  const bool open = running != nullptr && running->request && !running->request->final &&
                    !running->request->answer && !running->request->refused;
  if (!unheard && !open) {
    ++job.request_wanted;
    touch(w, job);
  }
}

} // namespace gpujob::policy::detail
