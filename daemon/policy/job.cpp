// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/job.h"

#include "common/overloaded.h"
#include "daemon/policy/verdict.h"

#include <algorithm>

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

} // namespace gpujob::policy
