// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving_course.h"

#include "daemon/policy/lead.h"
#include "daemon/policy/saving/final_save.h"

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
  b.samples = job.history.saves.size();
  b.exits = contract_of(job) == Contract::exits;
  return b;
}

std::shared_ptr<const saving::SavePlan> make_plan(const Job& job, SavingCourse::Basis& b, Now now) {
  const saving::SavePrior prior;
  const auto latency = saving::estimate_latency(job.history.saves, prior);
  b.how = latency.basis;
  saving::Prospect p{{}, latency.law, saving::estimate_pause(job.history.saves, prior).law, {}};
  p.contract.continues = !b.exits;
  p.end.at(seconds(*b.deadline - now.boot), seconds(b.spread));
  p.end.dying(saving::Hazard{}.after(b.deaths, b.exposure));
  return std::make_shared<const saving::SavePlan>(std::move(p));
}

/// The one save that is worth most if it is the only one: for a shim without a daemon.
saving::FinalSave only_save(const SavingCourse& c) {
  return saving::best_final_save(c.plan->prospect().latency,
                                 seconds(*c.basis.deadline - c.safe_until),
                                 seconds(c.basis.spread));
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

void look_ahead(const World& w, const Job& job, Running& r, Now now) {
  auto& c = r.saving;
  const auto at = [&](double s) { return c.made + span(s); };
  const double from = seconds(now.boot - c.made);
  const double at_risk = std::max(0.0, seconds(now.boot - c.safe_until));
  c.next.reset();
  c.last.reset();
  c.period.reset();
  const auto next = c.plan->next_save(from, at_risk);
  if (!next) {
    return; // too late, or nothing at risk: what a save would bring is less than it costs
  }
  const auto only = only_save(c);
  c.last = *c.basis.deadline - span(only.lead);
  c.miss = only.miss;
  const double pause = c.plan->prospect().pause.quantile(0.5);
  const auto then = c.plan->next_save(next->start + pause, 0);
  if (!goes_on_after_saving(job, r)) {
    return;
  }
  if (!then) {
    c.last = at(next->start); // nothing is worth it after this one
    c.miss = next->miss;
    return;
  }
  if (!w.session.durable) {
    return; // what goes with the machine guards from nothing that a plan knows of
  }
  c.next = at(next->start);
  c.period = span(next->period);
  c.last = std::max(*c.last, *c.next + k_in_place_of_daemon);
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

void plan_saves(const World& w, const Job& job, Running& r, Now now) {
  auto& c = r.saving;
  auto basis = basis_of(w, job);
  if (!basis.deadline || job.history.saves.empty() || r.ending) {
    c = {};
    c.basis = basis;
    c.next = first_save(w, job, r);
    return;
  }
  basis.how = c.basis.how;
  const auto safe = safe_until(w, job, r);
  const bool moved = !c.plan || basis != c.basis;
  if (moved) {
    c.made = now.boot;
    c.basis = basis;
    c.plan = make_plan(job, c.basis, now);
  }
  const bool open = r.request && !r.request->saved;
  if (moved || safe != c.safe_until || (!open && c.next && *c.next <= now.boot)) {
    c.safe_until = safe;
    look_ahead(w, job, r, now);
  }
}

std::optional<BootTime> next_save_due(const Running& running) {
  const auto& next = running.saving.next;
  const bool asked = next && running.save_asked && *running.save_asked >= *next;
  const bool open = running.request && !running.request->saved;
  return running.ending || asked || open ? std::nullopt : next;
}

Duration lead_of(const World& w, const JobSpec& spec, const SaveHistory& history) {
  const auto length = w.session.limit.value_or(k_unlimited);
  if (spec.lead || history.saves.empty()) {
    return lead_time(spec.lead, length);
  }
  const auto latency = saving::estimate_latency(history.saves, {}).law;
  const auto stake = seconds(length - end_reserve(w.session));
  const auto best = saving::best_final_save(latency, stake, seconds(w.session.end_spread));
  return std::min(span(best.lead) + end_reserve(w.session), length / 4);
}

} // namespace gpujob::policy
