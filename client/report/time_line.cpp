// SPDX-License-Identifier: Apache-2.0
#include "client/report/chart_parts.h"
#include "client/report/charts.h"
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "common/duration.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client {

using namespace chart;

namespace {

constexpr int k_lane = 50; ///< height of a job's lane

std::string bar(const Axis& axis, WallTime from, WallTime until, int y, const char* kind,
                const std::string& title) {
  if (until <= axis.from || from >= axis.until || until <= from) {
    return {};
  }
  const double x = axis.x(from);
  return fmt::format("<rect class=\"{}\" x=\"{:.2f}%\" y=\"{}\" width=\"{:.2f}%\" height=\"15\">"
                     "<title>{}</title></rect>\n",
                     kind, x, y, std::max(axis.x(until) - x, 0.15), escape_markup(title));
}

std::string draw_run(const Axis& axis, const Run& run, int y) {
  const auto& a = run.attempt;
  const auto what = fmt::format("attempt {}, {}", a.attempt, a.state);
  const auto kept = std::min(run.kept_until, run.until);
  auto out = bar(axis, a.started, kept, y, "kept",
                 fmt::format("{}: {} kept", what, format_duration(kept - a.started)));
  const auto rest = format_duration(run.until - kept);
  if (a.running()) {
    out += bar(axis, kept, run.until, y, "open", fmt::format("{}: {} not saved yet", what, rest));
  } else if (a.lost_s) {
    out += bar(axis, kept, run.until, y, "lost",
               fmt::format("{}: {} lost: {}", what, rest, a.why_lost));
  } else {
    out += bar(axis, kept, run.until, y, "open",
               fmt::format("{}: nobody saw its end: {}", what, a.why_lost));
  }
  const double x = axis.x(a.started);
  if (a.started >= axis.from) { // attempts that follow at once are told apart
    out += fmt::format("<line class=\"edge\" x1=\"{0:.2f}%\" x2=\"{0:.2f}%\" y1=\"{1}\" "
                       "y2=\"{2}\"/>\n",
                       x, y - 2, y + 17);
  }
  return out;
}

/// A shape at a point; `body` is drawn around 0,0.
std::string at_point(double x, int y, const char* kind, const char* body,
                     const std::string& title) {
  return fmt::format("<svg x=\"{:.2f}%\" y=\"{}\" class=\"mark {}\"><title>{}</title>{}</svg>\n", x,
                     y, kind, escape_markup(title), body);
}

std::string draw_mark(const Axis& axis, const Mark& mark, int y) {
  if (mark.at < axis.from || mark.at > axis.until) {
    return {};
  }
  const auto many = mark.count > 1 ? fmt::format("{} times, at last ", mark.count) : std::string{};
  const auto title = fmt::format("{}: {}{}", minute_text(mark.at), many, mark.text);
  return mark.kind == MarkKind::save
             ? at_point(axis.x(mark.at), y, "save", "<path d=\"M0 -4l4 8h-8z\"/>", title)
             : at_point(axis.x(mark.at), y, "warn",
                        "<path d=\"M0 -6l6 6l-6 6l-6 -6z\"/><path class=\"bang\" d=\"M0 -3v3.2m0 "
                        "1.4v1.2\"/>",
                        title);
}

std::string upright(double x, int height, const char* kind, const char* word,
                    const std::string& title) {
  const bool right = x > 80;
  return fmt::format("<g class=\"{0}\"><title>{1}</title><line x1=\"{2:.2f}%\" x2=\"{2:.2f}%\" "
                     "y1=\"14\" y2=\"{3}\"/><text x=\"{2:.2f}%\" y=\"11\" dx=\"{4}\" "
                     "text-anchor=\"{5}\">{6}</text></g>\n",
                     kind, escape_markup(title), x, height, right ? -4 : 0,
                     right    ? "end"
                     : x < 10 ? "start"
                              : "middle",
                     word);
}

/// Notices, sessions that began, and the end, over all lanes.
std::string draw_uprights(const Report& r, const Axis& axis, int height) {
  std::string out;
  double last = -100;
  for (const auto& [at, text] : r.notices) {
    const double x = axis.x(at);
    const bool crowded = x - last < 12; // the word would lie on the one before
    last = crowded ? last : x;
    out += upright(x, height, "notice", crowded ? "" : "notice", minute_text(at) + ": " + text);
  }
  for (const auto& at : r.sessions) {
    out += upright(axis.x(at), height, "border", "", minute_text(at) + ": a session began");
  }
  if (const auto end = r.session.ends_at;
      r.of_this_session && end && *end >= axis.from && *end <= axis.until) {
    out += upright(axis.x(*end), height, "end", "end", minute_text(*end) + ": the session ends");
  }
  if (r.until > r.made_at) {
    const double x = axis.x(r.made_at);
    out +=
        upright(x, height, "border", last > x - 12 ? "" : "now", minute_text(r.made_at) + ": now");
  }
  return out;
}

/// A name that is long is cut, so that on a phone the state has room after it: the table has all
/// of it.
std::string lane_name(const std::string& name) {
  constexpr std::size_t k_longest = 24;
  auto end = std::min(name.size(), k_longest);
  while (end < name.size() && end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U) {
    --end; // not in the middle of a character
  }
  return name.substr(0, end) + (end < name.size() ? " ..." : "");
}

} // namespace

std::string draw_time_line(const Report& r) {
  const Axis axis{r.from, r.until};
  const auto lanes = std::min(r.jobs.size(), k_most_lanes);
  constexpr int k_top = 18;
  const int height = k_top + static_cast<int>(lanes) * k_lane + k_axis;
  auto out =
      head(height, "line", "Time line",
           fmt::format("{}. {} jobs, {} saves, {} warnings, {} notices; the tables below have them "
                       "as text.",
                       span_text(r.from, r.until), r.jobs.size(), r.saves, r.warnings,
                       r.notices.size()));
  out += draw_axis(axis, height);
  out += draw_uprights(r, axis, height - k_axis + 4);
  for (std::size_t i = 0; i < lanes; ++i) {
    const auto& row = r.jobs[i];
    const int y = k_top + static_cast<int>(i) * k_lane;
    out += fmt::format("<text class=\"name\" x=\"0\" y=\"{}\">{}<tspan class=\"state\" "
                       "dx=\"8\">{}</tspan></text>\n",
                       y + 12, escape_markup(lane_name(row.name)), escape_markup(row.state));
    for (const auto& run : row.runs) {
      out += draw_run(axis, run, y + 17);
    }
    for (const auto& mark : row.marks) {
      out += draw_mark(axis, mark, mark.kind == MarkKind::save ? y + 39 : y + 24);
    }
  }
  return out + "</svg>\n";
}

} // namespace gpujob::client
