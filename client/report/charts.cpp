// SPDX-License-Identifier: Apache-2.0
#include "client/report/charts.h"

#include "client/report/chart_parts.h"
#include "client/report/local_time.h"
#include "client/report/markup.h"
#include "common/duration.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace gpujob::client {

using namespace chart;

std::string chart_patterns() {
  return R"svg(<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-bg" width="6" height="6"/><rect class="hatch-fg" width="2.6" height="6"/></pattern>
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="dots-bg" width="5" height="5"/><circle class="dots-fg" cx="2" cy="2" r="1"/></pattern>
</defs></svg>
)svg";
}

namespace {

/// A path through buckets, with gaps; `close` makes areas of it, down to the foot.
std::string trace(const std::vector<std::optional<double>>& values, bool close) {
  std::string out;
  bool open = false;
  std::size_t begun = 0;
  const auto foot = [&](std::size_t i) {
    if (close && open) {
      out += fmt::format("V100H{}z", begun);
    }
    open = false;
    begun = i;
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) {
      foot(i);
      continue;
    }
    const double y = 100 - *values[i];
    if (!open) {
      begun = i;
      out += fmt::format("M{} {:.1f}h1", i, y);
    } else {
      out += fmt::format("L{} {:.1f}h1", i, y);
    }
    open = true;
  }
  foot(values.size());
  return out;
}

} // namespace

std::string draw_gpu(const Report& r, const GpuRow& gpu) {
  constexpr int k_plot = 96;
  constexpr int k_top = 14;
  constexpr int k_height = k_top + k_plot + k_axis + 2;
  const auto mean = [](const std::optional<double>& v) {
    return v ? percent_text(*v) : std::string("not known");
  };
  auto out = head(k_height, "gpu-" + std::to_string(&gpu - r.gpus.data()),
                  "GPU " + gpu.name + ": use and memory",
                  fmt::format("{}. Mean use {}, mean memory {}.", span_text(r.from, r.until),
                              mean(gpu.mean_use), mean(gpu.mean_memory)));
  out += draw_axis({r.from, r.until}, k_height);
  for (const int percent : {0, 50, 100}) {
    out += fmt::format("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>",
                       k_top + (100 - percent) * k_plot / 100);
  }
  out += fmt::format("\n<svg x=\"0\" y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 {} 100\" "
                     "preserveAspectRatio=\"none\">",
                     k_top, k_plot, k_buckets);
  out += fmt::format("<path class=\"use-area\" d=\"{}\"/><path class=\"use\" d=\"{}\"/>",
                     trace(gpu.use, true), trace(gpu.use, false));
  if (!gpu.memory.empty()) {
    out += fmt::format("<path class=\"memory\" d=\"{}\"/>", trace(gpu.memory, false));
  }
  out += fmt::format("</svg>\n<text class=\"tick\" x=\"0\" y=\"{}\">100 %</text>"
                     "<text class=\"tick halo\" x=\"0\" y=\"{}\">50 %</text>\n",
                     k_top - 4, k_top + k_plot / 2 - 4);
  return out + "</svg>\n";
}

std::string draw_goodput(const Goodput& g) {
  const double all = g.kept_s + g.lost_s + g.open_s;
  auto out = head(26, "good", "Work kept and lost",
                  fmt::format("{} kept, {} lost, {} not saved yet.", format_seconds(g.kept_s),
                              format_seconds(g.lost_s), format_seconds(g.open_s)));
  double x = 0;
  const std::array<std::pair<const char*, double>, 3> parts{
      {{"kept", g.kept_s}, {"lost", g.lost_s}, {"open", g.open_s}}};
  for (const auto& [kind, seconds] : parts) {
    if (seconds > 0 && all > 0) {
      const double width = std::max(100 * seconds / all, 0.4);
      out += fmt::format("<rect class=\"{}\" x=\"{:.2f}%\" y=\"3\" width=\"{:.2f}%\" "
                         "height=\"20\"><title>{} {}</title></rect>",
                         kind, std::min(x, 99.6), width, format_seconds(seconds),
                         *kind == 'o' ? "not saved yet" : kind);
      x += 100 * seconds / all;
    }
  }
  return out + "</svg>\n";
}

std::string draw_days(const ResourceUse& use, std::size_t number) {
  constexpr int k_row = 22;
  constexpr double k_widest = 55; // percent: labels are left of it, values right
  double most = 3600;
  double sum = 0;
  for (const auto& day : use.days) {
    most = std::max(most, day.seconds);
    sum += day.seconds;
  }
  auto out = head(static_cast<int>(use.days.size()) * k_row + 2, "days-" + std::to_string(number),
                  "Use of " + use.resource + " by day",
                  fmt::format("{} in {} days.", format_seconds(sum), use.days.size()));
  int y = 0;
  for (const auto& day : use.days) {
    out += fmt::format("<text class=\"day\" x=\"0\" y=\"{}\">{}</text>", y + 15,
                       escape_markup(day_text(day.day)));
    if (day.seconds > 0) {
      out += fmt::format("<rect class=\"used\" x=\"84\" y=\"{}\" width=\"{:.2f}%\" "
                         "height=\"14\"/>",
                         y + 4, std::max(k_widest * day.seconds / most, 0.4));
    }
    out += fmt::format("<text class=\"day\" x=\"100%\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                       y + 15, day.seconds > 0 ? format_seconds(day.seconds) : "none");
    y += k_row;
  }
  return out + "</svg>\n";
}

} // namespace gpujob::client
