// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/figures.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::simulate {

namespace {

constexpr double k_errors = 2;

Rival best_rule(const Cell& cell, std::vector<Work> Score::*works) {
  const auto& planner = cell.of(Kind::planner);
  const Score* best = nullptr;
  for (const auto& s : cell.scores) {
    if (s.kind == Kind::rule && (!best || goodput(s.*works) > goodput(best->*works))) {
      best = &s;
    }
  }
  return {best->name, ratio(planner.*works, best->*works)};
}

} // namespace

MissFigure miss_figure(const Misses& misses) {
  MissFigure out{.possible = misses.possible, .missed = misses.missed};
  if (misses.possible == 0) {
    return out;
  }
  const double n = misses.possible;
  const double k = misses.missed;
  out.stated = misses.stated / n;
  out.at_least = k > 0 ? saving::incomplete_beta(k, n - k + 1, out.stated) : 1;
  out.at_most = k < n ? 1 - saving::incomplete_beta(k + 1, n - k, out.stated) : 1;
  return out;
}

bool CellFigures::learns() const {
  return learned.value + k_errors * learned.error >= k_least_share;
}

bool CellFigures::beats_rules() const {
  const auto& r = best_rule.planner_to_it;
  return r.value + k_errors * r.error >= 1 - k_most_behind;
}

bool CellFigures::miss_holds() const {
  return !miss_told.more_than_stated() && !miss_told.fewer_than_stated() &&
         !miss.more_than_stated();
}

CellFigures figures_of(const Cell& cell) {
  const auto& planner = cell.of(Kind::planner);
  const auto& told = cell.of(Kind::reference);
  return {.learned = ratio(planner.late, told.late),
          .from_nothing = ratio(planner.all, told.all),
          .best_rule = best_rule(cell, &Score::late),
          .best_rule_from_nothing = best_rule(cell, &Score::all),
          .miss = miss_figure(planner.misses),
          .miss_told = miss_figure(told.misses)};
}

Overall overall(const std::vector<Cell>& cells) {
  Overall out{{}, true};
  double planner = 0;
  for (std::size_t i = 0; i < cells.front().scores.size(); ++i) {
    double sum = 0;
    for (const auto& cell : cells) {
      sum += goodput(cell.scores[i].all) / static_cast<double>(cells.size());
    }
    out.goodputs.emplace_back(cells.front().scores[i].name, sum);
    if (cells.front().scores[i].kind == Kind::planner) {
      planner = sum;
    }
  }
  for (std::size_t i = 0; i < out.goodputs.size(); ++i) {
    if (cells.front().scores[i].kind == Kind::rule && out.goodputs[i].second >= planner) {
      out.ahead = false;
    }
  }
  return out;
}

} // namespace gpujob::simulate
