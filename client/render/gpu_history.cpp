// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu_history.h"

#include "client/render/table.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace gpujob::client {

namespace {

using json::Json;
using Value = std::optional<std::int64_t> GpuSample::*;

constexpr std::size_t k_columns = 48;
constexpr const char* k_blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr const char* k_ascii[] = {".", ":", "-", "=", "+", "*", "#", "@"};
constexpr std::size_t k_levels = 8;

WallTime wall(std::int64_t unix_s) {
  return wall_from_ns(unix_s * 1'000'000'000);
}

/// The mean of what lies in each column's time; nullopt where nothing is known.
std::vector<std::optional<double>> columns(const std::vector<GpuSample>& points, Value value,
                                           const GpuHistoryStyle& style) {
  std::vector<double> sums(k_columns), counts(k_columns);
  const auto begin = style.end - style.span_s;
  for (const auto& p : points) {
    if (!(p.*value) || p.at <= begin || p.at > style.end) {
      continue;
    }
    const auto share = static_cast<double>(p.at - begin - 1) /
                       static_cast<double>(std::max<std::int64_t>(1, style.span_s));
    const auto column =
        std::min(k_columns - 1, static_cast<std::size_t>(share * static_cast<double>(k_columns)));
    sums[column] += static_cast<double>(*(p.*value));
    counts[column] += 1;
  }
  std::vector<std::optional<double>> out(k_columns);
  for (std::size_t i = 0; i < k_columns; ++i) {
    if (counts[i] > 0) {
      out[i] = sums[i] / counts[i];
    }
  }
  return out;
}

std::string draw(const std::vector<std::optional<double>>& values, double top, bool blocks) {
  std::string out;
  for (const auto& value : values) {
    if (!value) {
      out += ' ';
      continue;
    }
    const auto share = top > 0 ? std::clamp(*value / top, 0.0, 1.0) : 0.0;
    const auto level = std::min(k_levels - 1, static_cast<std::size_t>(share * k_levels));
    out += blocks ? k_blocks[level] : k_ascii[level];
  }
  return out;
}

struct Range {
  std::optional<std::int64_t> last, most;
  double sum = 0;
  std::size_t count = 0;
};

Range range_of(const std::vector<GpuSample>& points, Value value, const GpuHistoryStyle& style) {
  Range r;
  for (const auto& p : points) {
    if ((p.*value) && p.at > style.end - style.span_s) {
      r.last = p.*value;
      r.most = std::max(r.most.value_or(*(p.*value)), *(p.*value));
      r.sum += static_cast<double>(*(p.*value));
      ++r.count;
    }
  }
  return r;
}

std::string bytes(std::int64_t n) {
  return format_bytes(static_cast<unsigned long long>(std::max<std::int64_t>(0, n)));
}

/// A line: what, the picture, and in words how it is and was at most.
void add_line(std::string& out, const char* what, const std::vector<GpuSample>& points, Value value,
              std::optional<double> top, const GpuHistoryStyle& style,
              std::string (*words)(std::int64_t)) {
  const auto range = range_of(points, value, style);
  if (!range.last) {
    return;
  }
  const auto picture = draw(columns(points, value, style),
                            top.value_or(static_cast<double>(*range.most)), style.blocks);
  out += fmt::format("  {:<6} {} {}, {} most\n", what, picture, words(*range.last),
                     words(*range.most));
}

std::string percent(std::int64_t n) {
  return fmt::format("{} %", n);
}
std::string celsius(std::int64_t n) {
  return fmt::format("{} C", n);
}
std::string watts(std::int64_t mw) {
  return fmt::format("{} W", mw / 1000);
}

/// The samples of a GPU, averages first: they are the older ones.
std::vector<GpuSample> points_of(const std::vector<GpuSeries>& history, const std::string& gpu) {
  std::vector<GpuSample> out;
  for (const int step : {k_gpu_minute_s, k_gpu_step_s}) {
    for (const auto& series : history) {
      if (series.gpu == gpu && series.step_s == step) {
        out.insert(out.end(), series.points.begin(), series.points.end());
      }
    }
  }
  return out;
}

std::string heading(const Json& answer, const std::string& gpu, std::optional<double>& memory,
                    std::optional<double>& power) {
  for (const auto& device : answer.at("devices")) {
    gpujob::json::Reader r(device, "gpu");
    if (r.text_or("uuid", "") != gpu) {
      continue;
    }
    const auto total = r.maybe_integer("memory_total");
    const auto limit = r.maybe_integer("power_limit_mw");
    if (total) {
      memory = static_cast<double>(*total);
    }
    if (limit) {
      power = static_cast<double>(*limit);
    }
    return fmt::format("GPU {} {}", r.integer_or("index", 0), r.text_or("name", "?"));
  }
  return gpu + " (not there now)";
}

std::string csv_field(const std::string& text) {
  auto shown = printable(text);
  if (shown.find_first_of(",\"") == std::string::npos) {
    return shown;
  }
  for (std::size_t at = 0; (at = shown.find('"', at)) != std::string::npos; at += 2) {
    shown.insert(at, "\"");
  }
  return "\"" + shown + "\"";
}

std::string csv_number(const std::optional<std::int64_t>& n) {
  return n ? std::to_string(*n) : std::string();
}

} // namespace

std::string render_gpu_history(const Json& answer, const std::vector<GpuSeries>& history,
                               const GpuHistoryStyle& style) {
  std::vector<std::string> gpus;
  for (const auto& series : history) {
    if (std::ranges::find(gpus, series.gpu) == gpus.end()) {
      gpus.push_back(series.gpu);
    }
  }
  std::string out;
  for (const auto& gpu : gpus) {
    const auto points = points_of(history, gpu);
    std::optional<double> memory, power;
    auto title = printable(heading(answer, gpu, memory, power));
    constexpr std::size_t k_longest_title = 48;
    title.resize(std::min(title.size(), k_longest_title));
    const auto use = range_of(points, &GpuSample::use_percent, style);
    out += fmt::format("{}{}, {} back{}\n", out.empty() ? "" : "\n", title,
                       format_duration(std::chrono::seconds{style.span_s}),
                       use.count > 0 ? fmt::format(", {:.0f} % on average",
                                                   use.sum / static_cast<double>(use.count))
                                     : "");
    constexpr double k_all = 100;
    add_line(out, "use", points, &GpuSample::use_percent, k_all, style, percent);
    add_line(out, "memory", points, &GpuSample::memory_used, memory, style, bytes);
    add_line(out, "temp", points, &GpuSample::temperature_c, k_all, style, celsius);
    add_line(out, "power", points, &GpuSample::power_mw, power, style, watts);
  }
  return out;
}

std::string gpu_history_csv(const std::vector<GpuSeries>& history) {
  std::string out = "gpu,at,step_s,use_percent,memory_used,temperature_c,power_mw\n";
  for (const auto& series : history) {
    const auto gpu = csv_field(series.gpu);
    for (const auto& p : series.points) {
      out += fmt::format("{},{},{},{},{},{},{}\n", gpu, format_rfc3339(wall(p.at)), series.step_s,
                         csv_number(p.use_percent), csv_number(p.memory_used),
                         csv_number(p.temperature_c), csv_number(p.power_mw));
    }
  }
  return out;
}

} // namespace gpujob::client
