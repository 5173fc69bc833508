// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "daemon/policy/detail.h"
#include "daemon/policy/gpu_choice.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

/// Jobs that hold GPUs and leave them idle.
namespace gpujob::policy::detail {

using namespace std::chrono_literals;

namespace {

/// Below this many percent a GPU stands still: a driver that is asked counts as up to one.
constexpr double k_idle_use = 2;
/// Who wakes up so much later has slept, and nobody knows what the GPU did meanwhile.
constexpr Duration k_late = 1min;

/// Those it was assigned, and those it is seen on.
std::vector<const Gpu*> its_gpus(const World& w, const Job& job, bool& all_seen) {
  std::vector<const Gpu*> out;
  for (const auto& gpu : w.gpus.list) {
    const bool assigned = std::any_of(job.gpus.begin(), job.gpus.end(),
                                      [&](const auto& a) { return a.uuid == gpu.uuid; });
    if (assigned || gpu.jobs.contains(job.id)) {
      out.push_back(&gpu);
    }
  }
  all_seen = std::all_of(job.gpus.begin(), job.gpus.end(), [&](const auto& a) {
    return std::any_of(out.begin(), out.end(), [&](const Gpu* g) { return g->uuid == a.uuid; });
  });
  return out;
}

bool is_idle(const Gpu& gpu) {
  return gpu.use_percent && *gpu.use_percent < k_idle_use;
}

/// What is not known is not idle. Nobody may have been able to say that a job without GPUs of its
/// own is one of the strangers on another GPU.
bool leaves_idle(const World& w, const Job& job) {
  bool all_seen = true;
  const auto its = its_gpus(w, job, all_seen);
  const bool elsewhere =
      job.gpus.empty() && std::any_of(w.gpus.list.begin(), w.gpus.list.end(),
                                      [](const Gpu& g) { return g.strangers && !is_idle(g); });
  return all_seen && !its.empty() && !elsewhere &&
         std::all_of(its.begin(), its.end(), [](const Gpu* g) { return is_idle(*g); });
}

/// "GPU 0 has", "GPU 0 and GPU 1 have".
std::string who_has(const World& w, const Job& job) {
  bool all_seen = true;
  const auto its = its_gpus(w, job, all_seen);
  std::string text;
  for (std::size_t i = 0; i < its.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == its.size() ? " and " : ", ") + gpu_label(w.gpus, *its[i]);
  }
  return text + (its.size() == 1 ? " has" : " have");
}

std::optional<BootTime> warn_due(const Job& job, const Running& r) {
  const bool open = r.gpu_idle && !r.told_gpu_idle && job.spec.idle_gpu > Duration::zero();
  return open ? std::optional(*r.gpu_idle + job.spec.idle_gpu) : std::nullopt;
}

std::optional<BootTime> stop_due(const Job& job, const Running& r) {
  const bool open = r.gpu_idle && !job.stop_asked && job.spec.idle_gpu_stop > Duration::zero();
  return open ? std::optional(*r.gpu_idle + job.spec.idle_gpu_stop) : std::nullopt;
}

} // namespace

std::optional<BootTime> idle_gpu_due(const Job& job, const Running& running) {
  if (running.gpu_idle_paused) {
    return std::nullopt;
  }
  const auto a = warn_due(job, running);
  const auto b = stop_due(job, running);
  return a && b ? std::min(a, b) : a ? a : b;
}

void settle_idle_gpu(World& w, Job& job, Running& running, Now now) {
  if (running.ending || !leaves_idle(w, job)) {
    running.gpu_idle.reset();
    running.gpu_idle_paused.reset();
    running.told_gpu_idle = false;
    return;
  }
  if (!running.gpu_idle) {
    running.gpu_idle = now.boot;
  }
  // Who saves may leave its GPU idle meanwhile: that time does not count, and what was before does.
  if (running.request && !running.request->answer) {
    running.gpu_idle_paused = running.gpu_idle_paused.value_or(now.boot);
    return;
  }
  if (const auto paused = std::exchange(running.gpu_idle_paused, std::nullopt)) {
    *running.gpu_idle += now.boot - *paused;
  }
  const auto due = idle_gpu_due(job, running);
  if (!due || now.boot < *due) {
    return;
  }
  if (now.boot - *due > k_late) {
    running.gpu_idle = now.boot;
    return;
  }
  const auto idle = format_duration(now.boot - *running.gpu_idle);
  const auto told = fmt::format("{} been idle for {} while job {} holds {}", who_has(w, job), idle,
                                job.spec.name, job.gpus.size() > 1 ? "them" : "it");
  if (const auto stop = stop_due(job, running); stop && now.boot >= *stop) {
    warn(w, job, told + ": it is asked to save, and stopped (--idle-gpu-stop)");
    running.told_gpu_idle = true;
    job.stop_asked = now.boot;
    job.stop_why = fmt::format("its GPU was idle for {}", idle);
    touch(w, job);
    return;
  }
  running.told_gpu_idle = true;
  warn(w, job,
       told + fmt::format(": session and quota run out all the same; gpujob stop {} saves and "
                          "ends it",
                          job.spec.name));
}

} // namespace gpujob::policy::detail
