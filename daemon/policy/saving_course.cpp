// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving_course.h"

#include "daemon/policy/lead.h"
#include "daemon/policy/saving/final_save.h"
#include "daemon/policy/saving_steps.h"

#include <algorithm>

namespace gpujob::policy {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_most_reserve = 30s;
/// The shim asks for the last save so long after the daemon would have asked for one that the job
/// goes on after: only when no daemon lives.
constexpr Duration k_in_place_of_daemon = 3s;
/// Of a notice's own end nobody is surer than this.
constexpr Duration k_notice_spread = 5s;
/// So long after a request it may still be answered: at least, and while nothing is known.
constexpr Duration k_least_patience = 90s;
constexpr Duration k_unknown_patience = 15min;
/// Without a limit a lead is as long as in a session of this length.
constexpr Duration k_unlimited = 8min;
/// A first save so early teaches how long saves take, and shows a person who is still there that
/// they work.
constexpr Duration k_first_save = 5min;
constexpr Duration k_long_session = 30min;
/// Who has not answered twice is asked once more, at the end.
constexpr int k_gives_up = 2;

double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

Duration span(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

/// Whether asking it for a save that it goes on after has a chance of an answer.
bool goes_on_after_saving(const Job& job, const Running& r) {
  if (contract_of(job) == Contract::exits) {
    return false;
  }
  const bool answers = !r.catches.empty() || !job.history.saves.empty();
  return answers && job.spec.checkpoint_signal != "none" && r.unanswered < k_gives_up;
}

SavingCourse::Basis basis_of(const World& w, const Job& job) {
  SavingCourse::Basis b;
  const auto& s = w.session;
  if (s.plan_end) {
    b.deadline = *s.plan_end - end_reserve(s);
  }
  b.spread = s.noticed ? std::max<Duration>(s.end_spread, k_notice_spread) : s.end_spread;
  b.deaths = s.deaths.deaths;
  b.exposure = seconds(s.deaths.lived);
  b.sessions = s.deaths.sessions;
  if (b.spread > Duration::zero()) {
    b.ends_at = s.ends_at;
  }
  b.transient = s.transient;
  b.storage = s.storage;
  b.learned = job.history.learned;
  b.exits = contract_of(job) == Contract::exits;
  return b;
}

std::shared_ptr<const saving::SavePlan> make_plan(const World& w, const Job& job,
                                                  SavingCourse::Basis& b, Now now) {
  const auto prior = prior_of(w, job);
  const auto latency = saving::estimate_latency(job.history.saves, prior, b.storage);
  b.how = latency.basis;
  b.here = latency.here;
  saving::Prospect p{{}, latency.law, saving::estimate_pause(job.history.saves, prior).law, {}};
  p.contract.continues = !b.exits;
  // TERM comes at an instant that we know; the platform's own end may come before it.
  p.end.at(seconds(*b.deadline - now.boot));
  if (b.ends_at) {
    p.end.fading(seconds(*b.ends_at - now.boot), seconds(b.spread));
  }
  if (b.transient) {
    p.end.bathtub(b.transient->law, seconds(now.boot - b.transient->born));
  } else {
    p.end.dying(saving::Hazard{}.after(b.deaths, b.exposure));
  }
  return std::make_shared<const saving::SavePlan>(std::move(p));
}

/// The one save before the end that is worth most if none comes before it, and its chance to miss.
std::pair<BootTime, double> only_save(const SavingCourse& c) {
  const auto& b = c.basis;
  const auto best = [&](BootTime end, double sd) {
    const auto save = saving::best_final_save(c.plan->prospect().latency,
                                              std::max(0.0, seconds(end - c.safe_until)), sd);
    return std::pair(end - span(save.lead), save.miss);
  };
  auto only = best(*b.deadline, 0);
  if (b.ends_at) {
    only = std::min(only, best(*b.ends_at, seconds(b.spread)));
  }
  return only;
}

/// Before anything is known of how long its saves take.
std::optional<BootTime> first_save(const World& w, const Job& job, const Running& r) {
  const auto& s = w.session;
  const bool worth_it = s.durable && s.plan_end && s.limit && *s.limit >= k_long_session;
  if (!worth_it || r.ending || !goes_on_after_saving(job, r)) {
    return std::nullopt;
  }
  const auto at = r.since + k_first_save;
  return at < *s.plan_end - 2 * lead_of(w, job.spec, job.history) ? std::optional(at)
                                                                  : std::nullopt;
}

/// Who has just not answered is left alone for a while.
BootTime not_before(const Job& job, const Running& r) {
  return r.unanswered > 0 && r.save_asked ? *r.save_asked + 2 * patience(job.history) : BootTime{};
}

void look_ahead(const World& w, const Job& job, Running& r, Now now) {
  auto& c = r.saving;
  const auto deadline = *c.basis.deadline;
  c.next.reset();
  c.last.reset();
  c.period.reset();
  if (now.boot >= deadline) {
    return;
  }
  const auto [only, miss] = only_save(c);
  c.last = std::clamp(only, now.boot, deadline);
  c.miss = miss;
  const auto save = c.plan->next_save(seconds(now.boot - c.made),
                                      std::max(0.0, seconds(now.boot - c.safe_until)));
  if (!save) {
    return; // hardly worth what it costs; but at the end it costs nothing any more
  }
  const auto asks =
      std::clamp(c.made + span(std::min(save->start, c.plan->horizon())), now.boot, deadline);
  const double pause = c.plan->prospect().pause.quantile(0.5);
  const bool is_last = !c.plan->next_save(save->start + pause, 0);
  if (c.basis.exits || is_last || asks + k_in_place_of_daemon >= deadline) {
    c.last = std::min(asks, is_last ? asks : *c.last);
    c.miss = save->miss;
    return;
  }
  const auto next = std::max(asks, not_before(job, r));
  // What goes with the machine guards from nothing that a plan knows of.
  if (!w.session.durable || !goes_on_after_saving(job, r) ||
      next + k_in_place_of_daemon >= deadline) {
    return;
  }
  c.next = next;
  c.period = span(save->period);
  c.last = std::max(*c.last, next + k_in_place_of_daemon);
}

/// A job that saves only at the end of a step is asked for its last save within the step at whose
/// end it should save: earlier it would save a step too early, later perhaps never.
void go_by_steps(const World& w, const Job& job, Running& r, Now now) {
  auto& c = r.saving;
  const auto rhythm = r.steps.rhythm();
  c.stepped = rhythm ? std::optional(rhythm->last) : std::nullopt;
  const auto asks = c.last && rhythm ? last_within_step(w, job, r, now) : std::nullopt;
  if (!asks) {
    return;
  }
  if (c.next && *c.next + k_in_place_of_daemon + span(rhythm->mean) >= *asks) {
    c.next = std::max(*asks - k_in_place_of_daemon, not_before(job, r));
  }
  c.last = c.next ? std::max(*asks, *c.next + k_in_place_of_daemon) : *asks;
}

/// What a step moves by less than that stays: each change is stored and sent.
void hold_still(std::optional<BootTime>& at, const std::optional<BootTime>& before,
                Duration least) {
  if (at && before && (*at > *before ? *at - *before : *before - *at) < least) {
    at = before;
  }
}

/// Until when a save that was asked for counts as under way. One whose copy fails again and again
/// must not keep all others from being asked for.
std::optional<BootTime> under_way_until(const Job& job, const Running& r, Now now) {
  if (!r.request || r.request->final || r.request->saved) {
    return std::nullopt;
  }
  const auto until =
      r.request->sent + (r.request->answer ? copy_patience(job.history) : patience(job.history));
  return now.boot < until ? std::optional(until) : std::nullopt;
}

} // namespace

BootTime safe_until(const World& w, const Job& job, const Running& running) {
  auto safe = running.since;
  for (const auto& c : job.checkpoints) {
    const bool counts = c.attempt == job.attempt && c.heard &&
                        c.state == CheckpointState::verified &&
                        (!w.session.durable || !c.durable_level.empty());
    safe = counts ? std::max(safe, *c.heard) : safe;
  }
  return safe;
}

Duration end_reserve(const Session& session) {
  if (session.noticed && session.plan_end) {
    return std::clamp<Duration>((*session.plan_end - *session.noticed) / 4, 0s, k_most_reserve);
  }
  return std::min<Duration>(k_most_reserve, session.limit.value_or(16 * k_most_reserve) / 16);
}

Duration patience(const SaveHistory& history) {
  return history.saves.empty() ? k_unknown_patience
                               : std::max(k_least_patience, 4 * longest_pause(history));
}

Duration copy_patience(const SaveHistory& history) {
  return history.saves.empty() ? 2 * k_unknown_patience
                               : 2 * std::max(k_least_patience, 4 * longest_save(history));
}

void plan_saves(const World& w, const Job& job, Running& r, Now now) {
  auto& c = r.saving;
  auto basis = basis_of(w, job);
  if (!basis.deadline || job.history.saves.empty() || r.ending) {
    c = {};
    c.basis = basis;
    c.next = first_save(w, job, r);
    c.under_way = under_way_until(job, r, now);
    return;
  }
  basis.how = c.basis.how;
  basis.here = c.basis.here;
  const auto safe = safe_until(w, job, r);
  const bool moved = !c.plan || basis != c.basis;
  if (moved) {
    c.made = now.boot;
    c.basis = basis;
    c.plan = make_plan(w, job, c.basis, now);
  }
  const bool waited = c.under_way.has_value();
  c.under_way = under_way_until(job, r, now);
  const bool due = c.next && *c.next <= now.boot;
  const auto rhythm = r.steps.rhythm();
  const bool stepped = c.stepped != (rhythm ? std::optional(rhythm->last) : std::nullopt);
  // Who is about to write its last save is not asked for it once more because a step is over, or
  // because we slept over an earlier one.
  const bool ends = r.request && r.request->final;
  const bool overdue = due && !c.under_way && !ends;
  const bool anew = moved || safe != c.safe_until || waited != c.under_way.has_value() || overdue;
  if (anew || (stepped && !ends)) {
    c.safe_until = safe;
    const auto last = c.last, next = c.next;
    look_ahead(w, job, r, now);
    go_by_steps(w, job, r, now);
    if (!anew && rhythm) {
      hold_still(c.last, last, span(rhythm->mean / 4));
      hold_still(c.next, next, span(rhythm->mean / 4));
    }
  }
}

std::optional<BootTime> next_save_due(const Running& running) {
  const auto& c = running.saving;
  const bool asked = c.next && running.save_asked && *running.save_asked >= *c.next;
  const bool ends = running.request && running.request->final && !running.request->saved;
  return running.ending || asked || ends || c.under_way ? std::nullopt : c.next;
}

Duration lead_of(const World& w, const JobSpec& spec, const SaveHistory& history) {
  const auto length = w.session.limit.value_or(k_unlimited);
  if (spec.lead || history.saves.empty()) {
    return lead_time(spec.lead, length);
  }
  return std::min(history.lead + end_reserve(w.session), length / 4);
}

} // namespace gpujob::policy
