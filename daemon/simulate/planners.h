// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/estimate.h"
#include "daemon/policy/saving/planner.h"
#include "daemon/simulate/contestant.h"

namespace gpujob::simulate {

/// The planner with the laws themselves: the best that can be done without knowing the future. It
/// makes every save that brings anything.
class Knower : public Contestant {
public:
  explicit Knower(const Laws& laws);
  void session_begins(const Session& session) override;
  std::optional<double> next_save(double now, double at_risk) override;
  std::optional<double> stated_miss() override { return m_stated; }

private:
  Laws m_laws;
  saving::SavePlan m_plan;
  double m_stated;
};

/// The planner as the daemon uses it: it knows the platform's cap and how sharp that is, and learns
/// how long saves take and how often sessions die.
class Learner : public Contestant {
public:
  Learner(const Laws& laws, std::uint64_t seed);
  void new_user(std::uint64_t user) override;
  void session_begins(const Session& session) override;
  std::optional<double> next_save(double now, double at_risk) override;
  void saved(double now, double took) override;
  void session_ended(double length) override;
  std::optional<double> stated_miss() override;

  [[nodiscard]] std::size_t saves_seen() const { return m_seen.size(); }

private:
  void plan(double now);

  Laws m_laws;
  std::uint64_t m_seed;
  saving::SavePrior m_prior;
  std::vector<saving::SaveSample> m_seen;
  double m_deaths = 0, m_exposure = 0;
  double m_cap = 0; ///< of the session that is on
  std::optional<saving::SavePlan> m_plan;
  double m_planned_at = 0;        ///< seconds from the session's start
  std::size_t m_planned_from = 0; ///< saves
};

} // namespace gpujob::simulate
