// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/end.h"
#include "daemon/policy/saving/latency.h"

#include <cstddef>
#include <optional>
#include <vector>

/// When to save, under a session's end and unannounced deaths at once (THEORY section 4).
namespace gpujob::saving {

/// What becomes of a job that has saved.
struct Contract {
  bool continues = true; ///< signal, save, go on; else it saves and exits
  /// For one that exits: seconds from its end until it works again; nullopt: not in this session.
  std::optional<double> restart = {};
  /// A save that brings less than so many seconds of durable work, on average, with all that follow
  /// it, is not worth making; nullopt: a quarter of the mean pause. A whole pause, what it costs
  /// the job, is the usual rule, and loses 1.4 % where saves of 5 min meet sessions of 3 h: at the
  /// end nothing else can be done with that time.
  std::optional<double> least_gain = {};
};

/// All that a plan follows from.
struct Prospect {
  End end;
  Latency latency; ///< request to durable
  Latency pause;   ///< request to working again; a job may work on while its checkpoint is copied
  Contract contract = {};
};

/// The next save.
struct Save {
  double start;    ///< seconds after the plan was made; never before the time asked about
  double period;   ///< seconds of work between the last save and this one
  double miss;     ///< P(the session ends before it is durable | it lives now)
  double expected; ///< seconds of work durable in the end, on average, with all later saves
};

/// What a daemon tells and does.
struct Advice {
  Save next;
  bool last; ///< no save after it is worth making
  /// The last save worth making if nothing dies before it: so long before the end, and given that
  /// the session then lives it is not durable in time with this probability. nullopt: no end is
  /// known.
  std::optional<double> final_lead, final_miss;
};

/// A plan for the rest of a session, from now (0) on. Immutable. Making one costs about a
/// millisecond, asking it some microseconds, and it answers for all later times of the session as
/// long as what it follows from is believed.
///
/// V(t), the work that will be saved after t times the chance to live to t, is the upper envelope
/// of lines: V(t) = max over s >= t of (s - t) W(s) + Z(s), where a save that starts at s becomes
/// durable with W(s) = E[S(s + latency)], and Z(s) = E[V(s + pause)] is what comes after it. The
/// lines' slopes -W are ordered, so a stack holds the envelope.
class SavePlan {
public:
  explicit SavePlan(Prospect prospect);

  /// When to start the next save, `now` seconds after the plan was made, with `at_risk` seconds of
  /// work done since the last durable checkpoint; nullopt: no save is worth making any more.
  [[nodiscard]] std::optional<Save> next_save(double now, double at_risk) const;

  /// The last save worth making if nothing dies before and every pause is a median one; nullopt:
  /// none. Its `miss` is given that the session lives when it starts. It walks through all saves
  /// until then: up to a millisecond.
  [[nodiscard]] std::optional<Save> last_save(double now, double at_risk) const;

  /// Both of them; nullopt: never.
  [[nodiscard]] std::optional<Advice> advise(double now, double at_risk) const;

  /// P(a save that starts `start` seconds after the plan was made becomes durable).
  [[nodiscard]] double durable_chance(double start) const { return reach(start); }

  /// For how long, seconds, it may be asked. Endless ends are planned a number of periods ahead.
  [[nodiscard]] double horizon() const { return m_horizon; }
  [[nodiscard]] const Prospect& prospect() const { return m_prospect; }

private:
  struct Line {
    double slope, height; ///< V(t) >= height + slope * t
    double until;         ///< it is the highest of all up to here
    std::size_t node;     ///< where the save that it stands for starts
  };

  /// A sharp cap, or one of those that stand for a cap known better than the latency.
  struct Cap {
    double at, weight;
  };

  void make_caps();
  void make_nodes();
  void make_survival();
  [[nodiscard]] double gradual(double seconds) const;
  [[nodiscard]] double reach(double start) const;
  [[nodiscard]] double reach_before(double start, double left) const;
  [[nodiscard]] double onward(double start) const;
  void push(double slope, double height, std::size_t node);
  [[nodiscard]] double value(std::size_t line, double at) const;
  [[nodiscard]] double gain(double start, double since) const;
  [[nodiscard]] double refine(std::size_t node, double now, double since) const;

  Prospect m_prospect;
  std::vector<Cell> m_latency, m_pause;
  std::vector<Cap> m_caps; ///< ascending; none: m_gradual says all
  End m_gradual;           ///< what has no step
  double m_horizon = 0;
  double m_least_gain = 0;
  std::vector<double> m_nodes, m_reach, m_onward; ///< by save start: W and Z
  std::vector<double> m_survival;                 ///< gradual part, at even distances
  double m_survival_step = 1;
  std::vector<Line> m_envelope; ///< the last is the earliest
};

} // namespace gpujob::saving
