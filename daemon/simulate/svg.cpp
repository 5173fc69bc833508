// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>

namespace gpujob::simulate {

namespace {

constexpr double k_width = 300, k_height = 230, k_left = 52, k_top = 76, k_gap_x = 40, k_gap_y = 62;
constexpr double k_least = 0.4; ///< goodput at a panel's foot; what lies below is cut off

/// How one contestant's line is told from the others without colour: by its dashes and its mark.
struct Look {
  const char* name; ///< in the legend
  const char* dashes;
  char mark;
};
constexpr std::array k_looks{
    Look{"60 s before the end", "2 3", 'x'}, Look{"300 s before the end", "2 3", '+'},
    Look{"every 10 min", "6 3", 's'},        Look{"every 60 min", "6 3", 'd'},
    Look{"Young's period", "9 3 2 3", 't'},  Look{"planner", "", 'o'},
    Look{"who knows the future", "1 3", '-'}};

std::string mark(char shape, double x, double y) {
  switch (shape) {
  case 'x':
    return fmt::format("<path d='M{:.1f} {:.1f}l6 6m0-6l-6 6'/>", x - 3, y - 3);
  case '+':
    return fmt::format("<path d='M{:.1f} {:.1f}h8m-4-4v8'/>", x - 4, y);
  case 's':
    return fmt::format("<path d='M{:.1f} {:.1f}h6v6h-6z'/>", x - 3, y - 3);
  case 'd':
    return fmt::format("<path d='M{:.1f} {:.1f}l4 4l-4 4l-4-4z'/>", x, y - 4);
  case 't':
    return fmt::format("<path d='M{:.1f} {:.1f}l4 7h-8z'/>", x, y - 4);
  case 'o':
    return fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='3.5' class='f'/>", x, y);
  default:
    return {};
  }
}

/// One end and one rate of deaths.
using Panel = std::vector<const Cell*>;

struct Place {
  double x, y; ///< of its upper left corner
};

struct Scale {
  Place place;
  double least, most; ///< logarithms of the saves' costs

  [[nodiscard]] double x(double save) const {
    const double span = most - least;
    return place.x + (span > 0 ? (std::log(save) - least) / span : 0.5) * k_width;
  }
  [[nodiscard]] double y(double good) const {
    return place.y + (1 - (std::max(good, k_least) - k_least) / (1 - k_least)) * k_height;
  }
};

std::string axes(const Panel& panel, const Scale& scale) {
  const auto& laws = panel.front()->laws;
  std::string out =
      fmt::format("<text x='{:.0f}' y='{:.0f}' class='h'>{} end, {}</text>\n", scale.place.x,
                  scale.place.y - 10, laws.end_sd > 0 ? "fuzzy" : "sharp",
                  laws.mtbf ? "a death every " + short_time(laws.mtbf) : std::string("no deaths"));
  for (int percent = static_cast<int>(100 * k_least); percent <= 100; percent += 20) {
    const double y = scale.y(percent / 100.0);
    out += fmt::format("<path d='M{:.0f} {:.1f}h{:.0f}' class='g'/><text x='{:.0f}' y='{:.1f}' "
                       "text-anchor='end'>{} %</text>\n",
                       scale.place.x, y, k_width, scale.place.x - 6, y + 4, percent);
  }
  for (const auto* cell : panel) {
    out += fmt::format("<text x='{:.1f}' y='{:.0f}' text-anchor='middle'>{}</text>\n",
                       scale.x(cell->laws.save_median), scale.place.y + k_height + 16,
                       short_time(cell->laws.save_median));
  }
  return out;
}

/// A contestant through a panel; a cut-off value has no mark.
std::string line(const Panel& panel, const Scale& scale, const Look& look, std::size_t colour) {
  std::string path, marks;
  for (const auto* cell : panel) {
    const auto score = std::find_if(cell->scores.begin(), cell->scores.end(),
                                    [&](const Score& s) { return s.name == look.name; });
    const double good = goodput(score->all);
    const double x = scale.x(cell->laws.save_median);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x, scale.y(good));
    marks += good > k_least ? mark(look.mark, x, scale.y(good)) : "";
  }
  return fmt::format(
      "<g class='l c{}'><title>{}</title><path d='{}' stroke-dasharray='{}'/>{}</g>\n", colour,
      look.name, path, *look.dashes != 0 ? look.dashes : "none", marks);
}

std::string legend(double y) {
  std::string out;
  for (std::size_t i = 0; i < k_looks.size(); ++i) {
    const double x = k_left + static_cast<double>(i % 4) * 240;
    const double row = y + static_cast<double>(i / 4) * 20;
    out += fmt::format("<g class='l c{0}'><path d='M{1:.0f} {2:.0f}h34' stroke-dasharray='{3}'/>{4}"
                       "</g><text x='{5:.0f}' y='{6:.0f}'>{7}</text>\n",
                       i, x, row, *k_looks[i].dashes != 0 ? k_looks[i].dashes : "none",
                       mark(k_looks[i].mark, x + 17, row), x + 42, row + 4, k_looks[i].name);
  }
  return out;
}

/// Okabe and Ito's colours, which the colour-blind tell apart, lighter on a dark ground.
constexpr const char* k_style = R"(<style>
svg{background:#fff;color:#222;font:12px system-ui,sans-serif}
text{fill:currentColor}.t{font-size:16px;font-weight:600}.h{font-weight:600}
.g{stroke:currentColor;stroke-opacity:.2}.l path,.l circle{fill:none;stroke-width:1.6}
.c0 *{stroke:#b5540a}.c1 *{stroke:#8a6d00}.c2 *{stroke:#00709f}.c3 *{stroke:#2f6f9f}
.c4 *{stroke:#00765a}.c5 *{stroke:#222;stroke-width:2.4!important}.c5 .f{fill:#222}.c6 *{stroke:#777}
@media (prefers-color-scheme:dark){svg{background:#161616;color:#eee}
.c0 *{stroke:#ff9d4d}.c1 *{stroke:#e6c84d}.c2 *{stroke:#56c4f0}.c3 *{stroke:#8fb8e8}
.c4 *{stroke:#4fd6a8}.c5 *{stroke:#fff}.c5 .f{fill:#fff}.c6 *{stroke:#aaa}}
</style>
)";

} // namespace

std::string render_svg(const std::vector<Cell>& cells) {
  std::map<std::pair<bool, double>, Panel> panels; // sharp before fuzzy, quiet before deadly
  double least = HUGE_VAL;
  double most = -HUGE_VAL;
  for (const auto& cell : cells) {
    const double rate = cell.laws.mtbf ? 1 / *cell.laws.mtbf : 0;
    panels[{cell.laws.end_sd > 0, rate}].push_back(&cell);
    least = std::min(least, std::log(cell.laws.save_median));
    most = std::max(most, std::log(cell.laws.save_median));
  }
  const std::size_t columns = std::min<std::size_t>(3, panels.size());
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  const double width =
      std::max(k_left + static_cast<double>(columns) * (k_width + k_left + k_gap_x), 1020.0);
  const double foot = k_top + static_cast<double>(rows) * (k_height + k_gap_y);
  std::string out = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0:.0f} {1:.0f}' width='{0:.0f}' "
      "height='{1:.0f}' role='img' aria-labelledby='t d'>\n{2}"
      "<title id='t'>Goodput over what a save costs</title>\n"
      "<desc id='d'>Work that is durable at a session's end, as a share of the session's length, "
      "for "
      "several ways to decide when to save, on the same simulated sessions.</desc>\n"
      "<text x='{3:.0f}' y='26' class='t'>Goodput (durable work / session) over what a save "
      "costs</text>\n<text x='{3:.0f}' y='46'>cap {4}, {5} sessions for each point, saves "
      "lognormal "
      "with sigma {6:.2g}; below {7:.0f} % cut off</text>\n",
      width, foot + 46, k_style, k_left, short_time(cells.front().laws.cap), cells.front().sessions,
      cells.front().laws.sigma, 100 * k_least);
  std::size_t i = 0;
  for (auto& [key, panel] : panels) {
    const Place place{k_left + static_cast<double>(i % columns) * (k_width + k_left + k_gap_x),
                      k_top + static_cast<double>(i / columns) * (k_height + k_gap_y)};
    const Scale scale{place, least, most};
    out += axes(panel, scale);
    for (std::size_t k = 0; k < k_looks.size(); ++k) {
      out += line(panel, scale, k_looks[k], k);
    }
    ++i;
  }
  return out + legend(foot) + "</svg>\n";
}

} // namespace gpujob::simulate
