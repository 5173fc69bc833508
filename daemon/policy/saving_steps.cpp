// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving_steps.h"

#include "daemon/policy/saving/step_end.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace gpujob::policy {

namespace {

double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

/// What its saves took without the rest of a step; nullopt: too few of them show that it saves only
/// at a step's end.
std::optional<saving::Latency> latency_from_step_end(const World& w, const Job& job) {
  constexpr std::size_t k_shown = 3;
  std::vector<saving::SaveSample> seen;
  for (auto s : job.history.saves) {
    if (s.step) {
      s.pause -= *s.step;
      s.step.reset();
      seen.push_back(std::move(s));
    }
  }
  if (seen.size() < k_shown || 2 * seen.size() < job.history.saves.size()) {
    return std::nullopt;
  }
  return saving::estimate_latency(seen, prior_of(w, job), w.session.storage).law;
}

} // namespace

std::optional<BootTime> last_within_step(const World& w, const Job& job, const Running& running,
                                         Now now) {
  const auto& c = running.saving;
  const auto rhythm = running.steps.rhythm();
  const auto law = rhythm ? latency_from_step_end(w, job) : std::nullopt;
  if (!law || c.basis.spread > Duration::zero()) {
    return std::nullopt; // a few steps are nothing against an end that nobody knows
  }
  const double since = seconds(now.boot - rhythm->last);
  if (since > 2 * rhythm->mean) {
    return std::nullopt; // it has stopped telling
  }
  const saving::StepEnds ends{std::max(rhythm->mean - since, 0.0), rhythm->mean, rhythm->sd};
  const auto end =
      saving::best_step_end(ends, *law, std::max(0.0, seconds(now.boot - c.safe_until)),
                            seconds(*c.basis.deadline - now.boot));
  if (!end) {
    return std::nullopt;
  }
  const auto middle = std::chrono::duration<double>(*end - rhythm->mean / 2);
  return std::max(now.boot + std::chrono::duration_cast<Duration>(middle), now.boot);
}

} // namespace gpujob::policy
