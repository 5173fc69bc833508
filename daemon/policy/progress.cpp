// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/core.h"
#include "daemon/policy/detail.h"

#include <algorithm>
#include <chrono>
#include <cmath>

/// How far the jobs are in their work, and how long is left of it.
namespace gpujob::policy {

using namespace std::chrono_literals;

namespace {

/// From so much on, what a job has told of its progress says how fast it is.
constexpr double k_least_done = 0.002;
constexpr Duration k_least_time = 10s;

/// As fast as since it first told.
std::optional<Duration> by_pace(const Progress& p) {
  const double done = p.done - p.first_done;
  const auto took = p.at - p.first_at;
  if (p.done >= 1) {
    return Duration::zero();
  }
  if (done < k_least_done || took < k_least_time) {
    return std::nullopt;
  }
  const auto left = std::chrono::duration<double>(took) * ((1 - p.done) / done);
  return left < k_longest_span ? std::optional(std::chrono::duration_cast<Duration>(left))
                               : std::nullopt;
}

} // namespace

std::optional<Duration> work_left(const Job& job, Now now) {
  const auto* running = std::get_if<Running>(&job.state);
  if (running == nullptr) {
    return job.ended_state() != nullptr && job.ended_state()->state == EndState::done
               ? std::nullopt
               : job.history.left;
  }
  if (!running->progress || !running->progress->left) {
    return std::nullopt;
  }
  const auto& p = *running->progress;
  return std::max(*p.left - std::max(now.boot - p.at, Duration::zero()), Duration::zero());
}

namespace detail {

void hear_progress(Running& run, double done, BootTime at) {
  if (std::isnan(done)) {
    return;
  }
  // What a bar said is of no use once the job itself speaks.
  const bool begins = !run.progress || !run.progress->told || done < run.progress->done;
  auto p = begins ? Progress{} : *run.progress;
  p.told = true;
  p.done = std::clamp(done, 0.0, 1.0);
  p.at = at;
  if (begins) {
    p.first_done = p.done;
    p.first_at = at;
  }
  p.left = by_pace(p);
  run.progress = p;
}

void on_event(World& w, const ProgressSeen& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  auto* run = job == nullptr ? nullptr : std::get_if<Running>(&job->state);
  if (run == nullptr || (run->progress && run->progress->told) || std::isnan(e.done)) {
    return;
  }
  Progress p;
  p.done = std::clamp(e.done, 0.0, 1.0);
  p.left = e.left;
  p.rate = e.rate;
  p.at = now.boot;
  run->progress = p; // shown, and not stored: the output is still there for who comes after us
}

void learn_left(Job& job, const Checkpoint& c, Now now) {
  if (std::holds_alternative<Running>(job.state) && c.attempt == job.attempt) {
    const auto since = c.heard ? std::max(now.boot - *c.heard, Duration::zero()) : Duration::zero();
    const auto left = work_left(job, now);
    job.history.left = left ? std::optional(*left + since) : std::nullopt;
  }
}

std::optional<WallTime> saved_at(const Job& job) {
  // c shares the bytes of an earlier attempt, which are not stored again.
  const auto is_repeated = [&](const Checkpoint& c) {
    return !c.durable_path.empty() &&
           std::ranges::any_of(job.checkpoints, [&](const Checkpoint& other) {
             return other.attempt < c.attempt && other.durable_path == c.durable_path;
           });
  };
  std::optional<WallTime> newest;
  for (const auto& c : job.checkpoints) {
    if (c.attempt == job.attempt && c.state == CheckpointState::verified && !is_repeated(c)) {
      newest = std::max(newest.value_or(c.at), c.at);
    }
  }
  return newest;
}

} // namespace detail

} // namespace gpujob::policy
