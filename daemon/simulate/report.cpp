// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/report.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::simulate {

namespace {

std::string verdict(bool holds) {
  return holds ? "holds" : "MISSED";
}

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

std::string describe(const Laws& laws) {
  return fmt::format("cap {}{}, saves {} (sigma {:.2g}), {}", short_time(laws.cap),
                     laws.end_sd > 0 ? " +- " + short_time(laws.end_sd) : " sharp",
                     short_time(laws.save_median), laws.sigma,
                     laws.mtbf ? "a death every " + short_time(laws.mtbf) : "no deaths");
}

std::string describe(const MissFigure& m) {
  return fmt::format("{} of {} ended with nothing saved; {} was stated{}", m.missed, m.possible,
                     percent(m.stated), m.fewer_than_stated() ? " (careful)" : "");
}

/// Rounded down: a figure that is just missed must not read as held.
std::string share(double value) {
  return fmt::format("{:.2f}", std::floor(value * 1e4 + 1e-9) / 1e2);
}

std::string figure_lines(const CellFigures& f) {
  std::string out;
  out += fmt::format("learned    {} % +- {:.2f} of the one told the laws (99.50): {}\n",
                     share(f.learned.value), 100 * f.learned.error, verdict(f.learns()));
  out += fmt::format("           {} % from the first session on: what learning cost\n",
                     share(f.from_nothing.value));
  out += fmt::format("rules      {} % +- {:.2f} of the best, \"{}\" (99.50): {}\n",
                     share(f.best_rule.planner_to_it.value), 100 * f.best_rule.planner_to_it.error,
                     f.best_rule.name, verdict(f.beats_rules()));
  out += fmt::format("misses     {}: {}\n", describe(f.miss), verdict(f.miss_holds()));
  out += fmt::format("           told the laws: {}\n", describe(f.miss_told));
  return out;
}

double best_goodput(const Cell& cell, Kind kind, std::string_view part) {
  double best = 0;
  for (const auto& s : cell.scores) {
    if (s.kind == kind && s.name.find(part) != std::string::npos) {
      best = std::max(best, goodput(s.all));
    }
  }
  return best;
}

nlohmann::json to_json(const MissFigure& m) {
  return {{"possible", m.possible},
          {"missed", m.missed},
          {"stated", m.stated},
          {"p_so_few", m.at_most},
          {"p_so_many", m.at_least}};
}

nlohmann::json to_json(const Ratio& r) {
  return {{"value", r.value}, {"error", r.error}};
}

} // namespace

std::string short_time(std::optional<double> seconds) {
  if (!seconds) {
    return "none";
  }
  const double s = *seconds;
  for (const auto& [unit, word] : {std::pair{3600.0, "h"}, {60.0, "m"}}) {
    if (s >= 2 * unit || s == unit) {
      return fmt::format("{:.3g}{}", s / unit, word);
    }
  }
  return fmt::format("{:.3g}s", s);
}

std::string render_cell(const Cell& cell) {
  std::string out = fmt::format("{} sessions: {}\n\n", cell.sessions, describe(cell.laws));
  out +=
      fmt::format("{:<24}{:>10}{:>20}{:>22}\n", "", "goodput", "after 8 saves", "of told the laws");
  const auto& told = cell.of(Kind::reference);
  for (const auto& s : cell.scores) {
    const auto of_told = ratio(s.late, told.late);
    out += fmt::format("{:<24}{:>10}{:>20}{:>13} +- {:.2f}\n", s.name, percent(goodput(s.all)),
                       percent(goodput(s.late)), share(of_told.value), 100 * of_told.error);
  }
  return out + "\n" + figure_lines(figures_of(cell));
}

std::string render_matrix(const std::vector<Cell>& cells) {
  std::string out =
      fmt::format("{} sessions in each cell; goodput in %\n\n", cells.front().sessions);
  out += "end   save  MTBF | lead period Young  Daly |planner   told future | of told\n";
  std::string broken;
  for (const auto& cell : cells) {
    const auto f = figures_of(cell);
    out += fmt::format(
        "{:<6}{:<6}{:<5}|{:>5.1f}{:>7.1f}{:>6.1f}{:>6.1f} |{:>7.2f}{:>7.2f}{:>7.2f} "
        "|{:>6} +-{:.2f}\n",
        cell.laws.end_sd > 0 ? "fuzzy" : "sharp", short_time(cell.laws.save_median),
        short_time(cell.laws.mtbf), 100 * best_goodput(cell, Kind::rule, "before"),
        100 * best_goodput(cell, Kind::rule, "every"),
        100 * best_goodput(cell, Kind::formula, "Young"),
        100 * best_goodput(cell, Kind::formula, "Daly"),
        100 * best_goodput(cell, Kind::planner, ""), 100 * best_goodput(cell, Kind::reference, ""),
        100 * best_goodput(cell, Kind::bound, ""), share(f.learned.value), 100 * f.learned.error);
    if (!f.learns() || !f.beats_rules() || !f.miss_holds()) {
      broken += "\n" + describe(cell.laws) + "\n" + figure_lines(f);
    }
  }
  out += "\nlead, period: the best of 30, 60, 90, 300 s and of 10, 25, 30, 60 min.\n"
         "of told: the planner's share of what it has who is told the laws, from the\n"
         "planner's eighth save on; all other columns from the first session on.\n\nmean goodput "
         "over all cells\n";
  const auto all = overall(cells);
  for (const auto& [name, value] : all.goodputs) {
    out += fmt::format("  {:<24}{:>10}\n", name, percent(value));
  }
  out += fmt::format("the planner is ahead of every rule: {}\n", verdict(all.ahead));
  return out + (broken.empty() ? "every figure holds in every cell\n" : broken);
}

nlohmann::json to_json(const std::vector<Cell>& cells) {
  auto out = nlohmann::json::array();
  for (const auto& cell : cells) {
    const auto f = figures_of(cell);
    auto scores = nlohmann::json::array();
    for (const auto& s : cell.scores) {
      scores.push_back(
          {{"name", s.name}, {"goodput", goodput(s.all)}, {"goodput_late", goodput(s.late)}});
    }
    out.push_back(
        {{"laws",
          {{"cap_s", cell.laws.cap},
           {"end_sd_s", cell.laws.end_sd},
           {"save_s", cell.laws.save_median},
           {"sigma", cell.laws.sigma},
           {"mtbf_s", cell.laws.mtbf ? nlohmann::json(*cell.laws.mtbf) : nlohmann::json()}}},
         {"sessions", cell.sessions},
         {"late_sessions", cell.late_sessions},
         {"scores", std::move(scores)},
         {"learned", to_json(f.learned)},
         {"from_nothing", to_json(f.from_nothing)},
         {"best_rule",
          {{"name", f.best_rule.name}, {"planner", to_json(f.best_rule.planner_to_it)}}},
         {"best_rule_from_nothing",
          {{"name", f.best_rule_from_nothing.name},
           {"planner", to_json(f.best_rule_from_nothing.planner_to_it)}}},
         {"miss", to_json(f.miss)},
         {"miss_told", to_json(f.miss_told)},
         {"holds", f.learns() && f.beats_rules() && f.miss_holds()}});
  }
  return {{"cells", std::move(out)}, {"holds", all_hold(cells)}};
}

bool all_hold(const std::vector<Cell>& cells) {
  const bool each = std::all_of(cells.begin(), cells.end(), [](const Cell& cell) {
    const auto f = figures_of(cell);
    return f.learns() && f.beats_rules() && f.miss_holds();
  });
  // One cell alone may belong to a rule, by a half per cent.
  return each && (cells.size() == 1 || overall(cells).ahead);
}

} // namespace gpujob::simulate
