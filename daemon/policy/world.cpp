// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/world.h"

#include "common/duration.h"
#include "common/overloaded.h"
#include "daemon/policy/saving/final_save.h"
#include "daemon/policy/verdict.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::policy {

std::string_view to_text(EndState s) {
  switch (s) {
  case EndState::parked:
    return "parked";
  case EndState::done:
    return "done";
  case EndState::failed:
    return "failed";
  case EndState::stopped:
    return "stopped";
  case EndState::lost:
    return "lost";
  }
  return "lost";
}

void SaveHistory::relearn(std::string_view storage, const saving::SavePrior& prior) {
  if (saves.size() > k_saves_kept) {
    saves.erase(saves.begin(), saves.end() - static_cast<std::ptrdiff_t>(k_saves_kept));
  }
  ++learned;
  if (saves.empty()) {
    lead = {};
    return;
  }
  // Once here, and not for every job of a queue at every wake-up.
  constexpr double k_long_session = 12 * 3600;
  const auto law = saving::estimate_latency(saves, prior, storage).law;
  const auto best = saving::best_final_save(law, k_long_session);
  lead = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(best.lead));
}

Duration longest_save(const SaveHistory& history) {
  double longest = 0;
  for (const auto& s : history.saves) {
    longest = std::max(longest, s.latency());
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(longest));
}

Duration longest_pause(const SaveHistory& history) {
  double longest = 0;
  for (const auto& s : history.saves) {
    longest = std::max(longest, s.pause);
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(longest));
}

std::string_view to_text(CheckpointState s) {
  switch (s) {
  case CheckpointState::heard:
    return "heard";
  case CheckpointState::securing:
    return "securing";
  case CheckpointState::verified:
    return "verified";
  case CheckpointState::rejected:
    return "rejected";
  case CheckpointState::unconfirmed:
    return "unconfirmed";
  }
  return "unconfirmed";
}

std::string_view state_text(const Job& job) {
  return std::visit(Overloaded{
                        [](const Queued&) -> std::string_view { return "queued"; },
                        [](const Held&) -> std::string_view { return "held"; },
                        [](const Starting&) -> std::string_view { return "starting"; },
                        [](const Running&) -> std::string_view { return "running"; },
                        [](const Ending&) -> std::string_view { return "ending"; },
                        [](const Ended& e) { return to_text(e.state); },
                    },
                    job.state);
}

std::string what_ends(const Session& s) {
  if (!s.end_by.empty()) {
    return s.end_by;
  }
  return s.limit ? fmt::format("the session's limit of {}", format_duration(*s.limit))
                 : "the end of the session";
}

const std::string& reason_text(const Job& job) {
  static const std::string k_none;
  return std::visit(Overloaded{
                        [](const Queued& s) -> const std::string& { return s.reason; },
                        [](const Held& s) -> const std::string& { return s.reason; },
                        [](const Starting&) -> const std::string& { return k_none; },
                        [](const Running&) -> const std::string& { return k_none; },
                        [](const Ending&) -> const std::string& { return k_none; },
                        [](const Ended& s) -> const std::string& { return s.reason; },
                    },
                    job.state);
}

const Checkpoint* newest_verified(const Job& job) {
  const auto it =
      std::find_if(job.checkpoints.rbegin(), job.checkpoints.rend(),
                   [](const Checkpoint& c) { return c.state == CheckpointState::verified; });
  return it == job.checkpoints.rend() ? nullptr : &*it;
}

Checkpoint* find_checkpoint(Job& job, int seq) {
  const auto it = std::find_if(job.checkpoints.begin(), job.checkpoints.end(),
                               [&](const Checkpoint& c) { return c.seq == seq; });
  return it == job.checkpoints.end() ? nullptr : &*it;
}

std::optional<WallTime> started_at(const Job& job, Now now) {
  const auto* running = std::get_if<Running>(&job.state);
  if (running == nullptr || !job.started) {
    return job.started;
  }
  // Two readings of two clocks never agree to the nanosecond.
  constexpr Duration k_was_set = std::chrono::seconds{1};
  const auto began = now.wall_at(running->since);
  return std::chrono::abs(began - *job.started) > k_was_set ? began : *job.started;
}

bool found_by_others(const World& w, const Job& job) {
  return (w.session.durable && job.attempt > 0) ||
         std::any_of(job.checkpoints.begin(), job.checkpoints.end(),
                     [](const Checkpoint& c) { return !c.durable_path.empty(); });
}

std::optional<int> run_exit(const Job& job) {
  const auto* ended = job.ended_state();
  if (ended == nullptr) {
    return std::nullopt;
  }
  // Where a notebook runs as a batch, the machine goes with the last cell: nobody is told that it
  // is over before the next machine can know it, or that has failed once.
  if (job.end_record != Work::none && !job.record_retry_at) {
    return std::nullopt;
  }
  switch (ended->state) {
  case EndState::parked:
    return ended->saved_at_limit ? 85 : 75;
  case EndState::lost:
    return 125;
  case EndState::done:
  case EndState::failed:
  case EndState::stopped:
    break;
  }
  const auto shell = shell_exit(ended->code, ended->signal);
  if (shell) {
    return shell;
  }
  // Stopped before it ever ran, or failed without a program's end: there is no code to pass on.
  return ended->state == EndState::done ? 0 : 1;
}

bool is_at_work(const Job& job) {
  return std::holds_alternative<Starting>(job.state) || std::holds_alternative<Running>(job.state);
}

bool wants_gpus(const JobSpec& spec) {
  return !spec.gpus.empty() && spec.gpus != "none";
}

int jobs_in_slots(const World& w) {
  return static_cast<int>(std::count_if(w.active.begin(), w.active.end(), [&](const JobId& id) {
    const auto& job = w.jobs.at(id);
    return is_at_work(job) && (w.slots_said || !wants_gpus(job.spec));
  }));
}

} // namespace gpujob::policy
