// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "daemon/policy/core.h"
#include "daemon/policy/lead.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::policy {

using namespace std::chrono_literals;

namespace {

/// A start is worth it when the job can run this long before its save is asked for: the shim asks
/// nothing in the first 10 s of a job that catches no signal yet.
constexpr Duration k_least_run = 10s;
/// How long a job that has been asked to end, and is safe, may take to end by itself.
constexpr Duration k_saved_kill_grace = 10s;
/// `gpujob stop` without a session: as long as an unlimited session's lead would be.
constexpr Duration k_stop_lead = 120s;

/// By the rule of lead.h: there is no history, or the user said the lead.
void plan_by_rule(const World& w, const Job& job, Plan& p) {
  auto lead = lead_of(w, job.spec, job.history);
  if (w.session.noticed) {
    // What is left since the notice is all there is: it is shared out, not overrun.
    lead = std::clamp<Duration>(*w.session.plan_end - *w.session.noticed, 0s, lead);
  }
  const auto parts = split_lead(lead);
  p.request_at = *w.session.plan_end - lead;
  p.grace = parts.grace;
  p.kill_grace = parts.kill_grace;
  p.term_at = *p.request_at + parts.grace;
}

/// By what was learned. While a save that was asked for is under way, it is the one that counts.
void plan_by_history(const World& w, const Running& running, Plan& p) {
  const auto reserve = end_reserve(w.session);
  const auto& course = running.saving;
  p.term_at = *w.session.plan_end - reserve;
  p.kill_grace = reserve / 2;
  if (course.last && !course.under_way) {
    p.request_at = std::min(*course.last, *p.term_at);
    p.grace = *p.term_at - *p.request_at;
  }
}

Plan limit_plan(const World& w, const Job& job) {
  Plan p;
  p.reason = EndReason::session_limit;
  p.hard_end = w.session.ends_at;
  if (!w.session.plan_end) {
    return p;
  }
  const auto* running = std::get_if<Running>(&job.state);
  if (running != nullptr && running->saving.plan && !job.spec.lead) {
    plan_by_history(w, *running, p);
  } else {
    plan_by_rule(w, job, p);
  }
  return p;
}

/// Nothing but its own first checkpoint makes a start worth it.
bool saves_by_itself(const JobSpec& spec, const SaveHistory& history) {
  return history.first && history.saves.empty() && !spec.lead;
}

/// What must be left of the session for a start.
Duration needed(const World& w, const JobSpec& spec, const SaveHistory& history) {
  const auto for_a_save = lead_of(w, spec, history) + k_least_run;
  return saves_by_itself(spec, history) ? std::max(for_a_save, *history.first + k_least_run)
                                        : for_a_save;
}

/// Whether asking this job for a checkpoint has a chance of an answer.
bool speaks(const Job& job) {
  const auto* running = std::get_if<Running>(&job.state);
  const bool saved = std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [](const auto& c) {
    return c.state != CheckpointState::unconfirmed;
  });
  return saved || (running != nullptr && !running->catches.empty());
}

Plan stop_plan(const World& w, const Job& job) {
  const auto lead = std::min<Duration>(lead_of(w, job.spec, job.history), k_stop_lead);
  auto parts = split_lead(lead);
  if (job.stop_now || !speaks(job)) {
    parts.grace = 0s;
  }
  Plan p;
  p.reason = EndReason::stop;
  p.hard_end = w.session.ends_at;
  if (parts.grace > 0s) {
    p.request_at = *job.stop_asked;
  }
  p.term_at = *job.stop_asked + parts.grace;
  p.grace = parts.grace;
  p.kill_grace = std::max<Duration>(parts.kill_grace, k_saved_kill_grace);
  return p;
}

void end_early(const World& w, Plan& p, BootTime saved) {
  p.saved = true;
  const auto planned_kill = p.term_at.value_or(saved) + p.kill_grace;
  p.term_at = p.term_at ? std::min(*p.term_at, saved) : saved;
  const auto limit = w.session.plan_end.value_or(*p.term_at + k_saved_kill_grace);
  const auto roomy = std::min<Duration>(k_saved_kill_grace, (limit - *p.term_at) / 2);
  p.kill_grace = std::max(
      {roomy, std::min<Duration>(planned_kill - *p.term_at, p.kill_grace), Duration::zero()});
}

} // namespace

Plan desired_plan(const World& w, const Job& job) {
  auto p = limit_plan(w, job);
  if (job.stop_asked) {
    auto stop = stop_plan(w, job);
    if (!p.term_at || *stop.term_at < *p.term_at) {
      p = stop;
    }
  }
  const auto* running = std::get_if<Running>(&job.state);
  const bool saved = running != nullptr && running->request && running->request->final &&
                     running->request->saved.has_value();
  if (saved && p.term_at) {
    end_early(w, p, *running->request->saved);
  }
  return p;
}

std::optional<BootTime> start_refused_from(const World& w, const JobSpec& spec,
                                           const SaveHistory& history) {
  if (!w.session.plan_end) {
    return std::nullopt;
  }
  return *w.session.plan_end - needed(w, spec, history) + Duration{1};
}

std::optional<std::string> start_refusal(const World& w, const JobSpec& spec,
                                         const SaveHistory& history, Now now) {
  if (!w.session.plan_end) {
    return std::nullopt;
  }
  const auto left = *w.session.plan_end - now.boot;
  if (left <= Duration::zero()) {
    return "the session is over (gpujob quota says by what, and how to say otherwise; in a new VM "
           "run the same line)";
  }
  const auto least = needed(w, spec, history);
  if (left >= least) {
    return std::nullopt;
  }
  // Rounded, they must not look the same.
  const auto shown = format_duration(left) == format_duration(least) ? left - 1s : left;
  if (saves_by_itself(spec, history) && *history.first + k_least_run == least) {
    return fmt::format("it needs about {} to reach its first checkpoint, as before, and only {} of "
                       "the session are left: give --lead to start it all the same",
                       format_duration(*history.first), format_duration(shown));
  }
  return fmt::format("only {} of the session are left, and a start needs {}",
                     format_duration(shown), format_duration(least));
}

} // namespace gpujob::policy
