// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/periodic.h"
#include "daemon/simulate/contestant.h"
#include "daemon/simulate/planners.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::simulate {

namespace {

constexpr double k_minute = 60;
/// A fine-tuning epoch; any length that is no multiple of the fixed periods would do.
constexpr double k_epoch = 25 * k_minute;

struct Never : Contestant {
  std::optional<double> next_save(double, double) override { return std::nullopt; }
};

/// One save, so long before the cap.
struct Lead : Contestant {
  explicit Lead(double lead) : m_lead(lead) {}
  void session_begins(const Session& session) override { m_start = session.cap() - m_lead; }
  std::optional<double> next_save(double now, double) override {
    return now <= m_start ? std::optional(m_start) : std::nullopt;
  }

private:
  double m_lead, m_start = 0;
};

/// After so much work, until the end; no save for the end itself.
struct Period : Contestant {
  explicit Period(double period) : m_period(period) {}
  std::optional<double> next_save(double now, double at_risk) override {
    return now + std::max(m_period - at_risk, 0.0);
  }

private:
  double m_period;
};

/// Knows the session's end and each save: nothing is lost but its first save.
struct Clairvoyant : Contestant {
  void session_begins(const Session& session) override {
    m_start = session.length() - session.save(0);
    m_done = m_start <= 0;
  }
  std::optional<double> next_save(double, double) override {
    return m_done ? std::nullopt : std::optional(m_start);
  }
  void saved(double, double) override { m_done = true; }

private:
  double m_start = 0;
  bool m_done = false;
};

} // namespace

std::vector<Entry> contestants(const Laws& laws, std::uint64_t seed) {
  std::vector<Entry> out;
  const auto add = [&](std::string name, Kind kind, std::unique_ptr<Contestant> one) {
    out.push_back({std::move(name), kind, std::move(one)});
  };
  add("no checkpoint", Kind::rule, std::make_unique<Never>());
  for (const int lead : {30, 60, 90, 300}) {
    add(fmt::format("{} s before the end", lead), Kind::rule, std::make_unique<Lead>(lead));
  }
  for (const int minutes : {10, 30, 60}) {
    add(fmt::format("every {} min", minutes), Kind::rule,
        std::make_unique<Period>(minutes * k_minute));
  }
  add("every epoch of 25 min", Kind::rule, std::make_unique<Period>(k_epoch));
  // The cap ends work as a death does; without it they would never save where nothing dies.
  const saving::Interruptions life{.mean_between =
                                       1 / (1 / laws.cap + (laws.mtbf ? 1 / *laws.mtbf : 0)),
                                   .save_cost = laws.mean_save()};
  add("Young's period", Kind::formula, std::make_unique<Period>(saving::young_interval(life)));
  add("Daly's period", Kind::formula, std::make_unique<Period>(saving::daly_interval(life)));
  add("planner", Kind::planner, std::make_unique<Learner>(laws, seed));
  add("planner told the laws", Kind::reference, std::make_unique<Knower>(laws));
  add("who knows the future", Kind::bound, std::make_unique<Clairvoyant>());
  return out;
}

} // namespace gpujob::simulate
