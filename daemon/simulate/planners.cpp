// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/planners.h"

namespace gpujob::simulate {

namespace {

saving::Prospect prospect_of(const Laws& laws) {
  const auto save = saving::Latency::lognormal(laws.save_median, laws.sigma);
  return {.end = saving::End().at(laws.cap, laws.end_sd).dying(laws.mtbf ? 1 / *laws.mtbf : 0),
          .latency = save,
          .pause = save,
          .contract = {.least_gain = 0}};
}

/// Given that a save at once would be durable: nothing will be.
double miss_of(const saving::SavePlan& plan) {
  const auto first = plan.next_save(0, 0);
  return first ? 1 - plan.durable_chance(first->start) / plan.durable_chance(0) : 1;
}

} // namespace

Knower::Knower(const Laws& laws)
    : m_laws(laws), m_plan(prospect_of(laws)), m_stated(miss_of(m_plan)) {}

void Knower::session_begins(const Session& session) {
  if (session.cap() != m_laws.cap) {
    m_laws.cap = session.cap();
    m_plan = saving::SavePlan(prospect_of(m_laws));
    m_stated = miss_of(m_plan);
  }
}

std::optional<double> Knower::next_save(double now, double at_risk) {
  const auto save = m_plan.next_save(now, at_risk);
  return save ? std::optional(save->start) : std::nullopt;
}

Learner::Learner(const Laws& laws, std::uint64_t seed) : m_laws(laws), m_seed(seed) {}

void Learner::new_user(std::uint64_t user) {
  m_seen.clear();
  m_deaths = m_exposure = 0;
  // The size is known beforehand, the storage's speed is guessed.
  m_prior.bytes_per_second = 1e8;
  m_prior.bytes = m_laws.save_median * m_prior.bytes_per_second * prior_error(m_seed, user);
  m_prior.longest_step = 1;
}

void Learner::plan(double now) {
  const auto latency = saving::estimate_latency(m_seen, m_prior).law;
  // Work stands still for all of a save here, so that its law is the latency's.
  m_plan.emplace(
      saving::Prospect{.end = saving::End()
                                  .at(m_cap - now, m_laws.end_sd)
                                  .dying(saving::Hazard{}.after(m_deaths, m_exposure + now)),
                       .latency = latency,
                       .pause = latency});
  m_planned_at = now;
  m_planned_from = m_seen.size();
}

void Learner::session_begins(const Session& session) {
  m_cap = session.cap();
  plan(0);
}

std::optional<double> Learner::next_save(double now, double at_risk) {
  const auto save = m_plan->next_save(now - m_planned_at, at_risk);
  return save ? std::optional(m_planned_at + save->start) : std::nullopt;
}

void Learner::saved(double now, double took) {
  m_seen.push_back({.pause = took, .copy = 0});
  // The daemon plans anew after each; here a tenth more saves say as good as nothing new.
  if (10 * m_seen.size() >= 11 * m_planned_from + 10) {
    plan(now);
  }
}

void Learner::session_ended(double length) {
  const auto known = saving::Hazard{}.after(m_deaths, m_exposure + length);
  m_deaths += saving::death_share(length, m_cap, m_laws.end_sd, known.mean());
  m_exposure += length;
}

std::optional<double> Learner::stated_miss() {
  return miss_of(*m_plan);
}

} // namespace gpujob::simulate
