// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/simulate/run.h"

/// What the planner is held to.
namespace gpujob::simulate {

/// Of the goodput of the one who is told the laws, from the eighth save on.
inline constexpr double k_least_share = 0.995;
/// How much better a rule may be than the planner in any cell.
inline constexpr double k_most_behind = 0.005;
/// A share of misses is refuted that has less than this probability if what was stated is true:
/// three such looks at each of two dozen cells then refute by chance once in a hundred runs.
inline constexpr double k_refuted = 0.00015;

/// Whether so many misses may be chance, if what was stated is true.
struct MissFigure {
  int possible = 0, missed = 0;
  double stated = 0;  ///< as a share
  double at_most = 1; ///< P(so few), if the statement holds
  double at_least = 1;

  [[nodiscard]] bool more_than_stated() const { return at_least < k_refuted; }
  [[nodiscard]] bool fewer_than_stated() const { return at_most < k_refuted; }
};
MissFigure miss_figure(const Misses& misses);

/// A rule and how the planner compares to it.
struct Rival {
  std::string name;
  Ratio planner_to_it;
};

struct CellFigures {
  Ratio learned;      ///< planner to the one told the laws, from the eighth save on
  Ratio from_nothing; ///< the same from the first session on: what learning cost
  Rival best_rule;    ///< the one that does best from the eighth save on
  Rival best_rule_from_nothing;
  MissFigure miss, miss_told;

  // Not held is what two standard errors do not explain.
  [[nodiscard]] bool learns() const;
  [[nodiscard]] bool beats_rules() const;
  /// Of the one told the laws on both sides. Who learns them may miss less than it states: where
  /// nothing ever dies no number of sessions proves that.
  [[nodiscard]] bool miss_holds() const;
};
CellFigures figures_of(const Cell& cell);

/// The mean goodput over cells, by contestant (all sessions), and whether the planner is ahead of
/// every rule.
struct Overall {
  std::vector<std::pair<std::string, double>> goodputs;
  bool ahead;
};
Overall overall(const std::vector<Cell>& cells);

} // namespace gpujob::simulate
