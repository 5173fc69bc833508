// SPDX-License-Identifier: Apache-2.0
#include "client/report/chart_parts.h"

#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "common/duration.h"

#include <array>
#include <fmt/format.h>
#include <vector>

namespace gpujob::client::chart {

using namespace std::chrono_literals;

namespace {

struct Tick {
  WallTime at;
  std::string label;
};

/// Whole hours, days and so on of the local calendar, eight at most.
std::vector<Tick> ticks(WallTime from, WallTime until) {
  constexpr std::array<Duration, 13> k_steps{10s, 30s, 1min, 5min, 10min, 30min, 1h,
                                             2h,  3h,  6h,   12h,  24h,   48h};
  constexpr std::int64_t k_most = 8;
  auto step = k_steps.back();
  for (const auto candidate : k_steps) {
    if ((until - from) / candidate <= k_most) {
      step = candidate;
      break;
    }
  }
  while ((until - from) / step > k_most) {
    step *= 2;
  }
  std::vector<Tick> out;
  const auto days = static_cast<int>(step / 24h);
  auto day = midnight(from);
  if (days > 0) {
    for (int i = 0; day <= until; ++i, day = midnight(from, i * days)) {
      out.push_back({day, day_text(day)});
    }
  } else {
    for (auto at = day; at <= until; at += step) {
      const bool short_steps = step < 1min;
      out.push_back({at, short_steps ? second_text(at) : clock_text(at)});
    }
  }
  std::erase_if(out, [&](const Tick& t) { return t.at < from || t.at > until; });
  return out;
}

} // namespace

std::string head(int height, const std::string& id, const std::string& title,
                 const std::string& what) {
  return fmt::format("<svg class=\"chart\" width=\"100%\" height=\"{0}\" role=\"img\" "
                     "aria-labelledby=\"{1}-t {1}-d\"><title id=\"{1}-t\">{2}</title>"
                     "<desc id=\"{1}-d\">{3}</desc>\n",
                     height, id, escape_markup(title), escape_markup(what));
}

std::string draw_axis(const Axis& axis, int height) {
  std::string out;
  int i = 0;
  for (const auto& tick : ticks(axis.from, axis.until)) {
    const double x = axis.x(tick.at);
    const bool at_edge = x < 4 || x > 96;
    out += fmt::format("<line class=\"grid\" x1=\"{0:.2f}%\" x2=\"{0:.2f}%\" y1=\"0\" "
                       "y2=\"{1}\"/>",
                       x, height - k_axis + 4);
    out +=
        fmt::format("<text class=\"tick{}\" x=\"{:.2f}%\" y=\"{}\" text-anchor=\"{}\">{}</text>\n",
                    i++ % 2 == 1 ? " wide" : "", x, height - 6,
                    !at_edge ? "middle"
                    : x < 50 ? "start"
                             : "end",
                    escape_markup(tick.label));
  }
  return out;
}

std::string span_text(WallTime from, WallTime until) {
  return fmt::format("{} to {}, {}", minute_text(from), minute_text(until),
                     format_duration(until - from));
}

} // namespace gpujob::client::chart
