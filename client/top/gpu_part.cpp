// SPDX-License-Identifier: Apache-2.0
#include "client/top/parts.h"
#include "common/gpu/xid.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob::client::top {

namespace {

using Number = std::optional<std::int64_t>;

std::string bytes(Number n) {
  return n && *n >= 0 ? format_bytes(static_cast<unsigned long long>(*n)) : "?";
}

/// "1.07 of 16.1 GB"
std::string memory_text(const Gpu& gpu) {
  if (!gpu.memory_used && !gpu.memory_total) {
    return "memory ?";
  }
  auto used = bytes(gpu.memory_used);
  const auto total = bytes(gpu.memory_total);
  const auto unit = total.substr(std::min(total.find(' '), total.size()));
  if (!unit.empty() && used.ends_with(unit)) {
    used.resize(used.size() - unit.size());
  }
  return used + " of " + total;
}

std::string power_text(const Gpu& gpu) {
  if (!gpu.power_mw) {
    return {};
  }
  return gpu.power_limit_mw
             ? fmt::format("{} of {} W", *gpu.power_mw / 1000, *gpu.power_limit_mw / 1000)
             : fmt::format("{} W", *gpu.power_mw / 1000);
}

/// Who is on it: "digits, 2 others".
std::string users_text(const Gpu& gpu) {
  std::string out;
  for (const auto& name : gpu.jobs) {
    out += (out.empty() ? "" : ", ") + name;
  }
  const auto others = gpu.others.value_or(0);
  if (others > 0) {
    out += fmt::format("{}{} other{}", out.empty() ? "" : ", ", others, others == 1 ? "" : "s");
  }
  return out;
}

/// What holds it back, as a word; idling is none.
std::string held_back(const Gpu& gpu) {
  std::string out;
  for (const auto& reason : gpu.throttle) {
    if (reason != "idle" && !reason.ends_with("_clocks") && reason != "sync_boost") {
      out += (out.empty() ? "held back: " : ", ") + reason;
    }
  }
  return out;
}

/// "Xid 79: off the bus"; empty where it has had no error.
std::string xid_text(const Gpu& gpu) {
  if (!gpu.last_xid) {
    return {};
  }
  const auto words = xid_short(*gpu.last_xid);
  return fmt::format("Xid {}{}{}", *gpu.last_xid, words.empty() ? "" : ": ", words);
}

Style xid_style(const Gpu& gpu) {
  return xid_kind(gpu.last_xid.value_or(0)) == XidKind::program ? Style::warning : Style::bad;
}

std::int64_t seconds_of(const Model& m) {
  // Where the daemon stopped looking the chart stands still and does not fade away.
  const auto at = m.gone_since && m.gpus && m.gpus->at ? *m.gpus->at : m.now;
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

Style use_style(const Gpu& gpu) {
  return gpu.use_percent.value_or(0) > 0 ? Style::good : Style::dim;
}

void add_figures(LineBuilder& line, const Gpu& gpu) {
  line.add(fmt::format("{:>5}", gpu.use_percent ? fmt::format("{} %", *gpu.use_percent) : "? %"),
           Style::strong);
  // Before what there may be no room for; where there was an error, not all of the rest matters.
  if (const auto xid = xid_text(gpu); !xid.empty()) {
    line.add("  " + xid, xid_style(gpu)).add("  " + memory_text(gpu));
    return;
  }
  line.add("  " + memory_text(gpu));
  line.add(gpu.temperature_c ? fmt::format("  {} C", *gpu.temperature_c) : "");
  const auto power = power_text(gpu);
  line.add(power.empty() ? "" : "  " + power);
}

void add_users(LineBuilder& line, const Gpu& gpu) {
  const auto users = users_text(gpu);
  line.add(users.empty() ? "" : "  " + users, Style::accent);
  const auto slow = held_back(gpu);
  line.add(slow.empty() ? "" : "  " + slow, Style::warning);
}

Line lost_line(const Gpu& gpu, const Canvas& c) {
  const auto xid = xid_text(gpu);
  return c.line()
      .add(fmt::format(" GPU {} {}: ", gpu.index, gpu.name))
      .add(fmt::format("{}{}{}{}{}", gpu.state, gpu.error.empty() ? "" : ": ", gpu.error,
                       xid.empty() ? "" : ", ", xid),
           Style::bad)
      .line();
}

/// All of it in one line.
Line short_line(const Model& m, const Gpu& gpu, const Canvas& c) {
  auto line = c.line();
  line.add(fmt::format(" GPU {:<2} ", gpu.index));
  if (c.width >= 60) {
    const auto width = std::clamp<std::size_t>(c.width / 4, 12, 40);
    line.drawn(chart(use_of(gpu, seconds_of(m), width), 1, c.glyphs).front(), use_style(gpu));
  }
  add_figures(line, gpu);
  add_users(line, gpu);
  return line.line();
}

/// The figures, and below them `height` rows of charts.
void add_tall(Lines& out, const Model& m, const Gpu& gpu, const Canvas& c, std::size_t height) {
  auto head = c.line();
  head.add(fmt::format(" GPU {:<2} ", gpu.index));
  add_figures(head, gpu);
  add_users(head, gpu);
  head.right(gpu.name, Style::dim);
  out.push_back(head.line());
  const std::string use = "   use ", memory = "  memory ", span = "  10 min";
  const auto labels = use.size() + memory.size() + (c.width >= 70 ? span.size() : 0);
  if (c.width < labels + 10) {
    return;
  }
  const auto width = (c.width - labels) / 2;
  const auto left = chart(use_of(gpu, seconds_of(m), width), height, c.glyphs);
  const auto right = chart(memory_of(gpu, seconds_of(m), width), height, c.glyphs);
  for (std::size_t row = 0; row < height; ++row) {
    const bool last = row + 1 == height;
    auto line = c.line();
    line.drawn(last ? use : std::string(use.size(), ' '), Style::dim);
    line.drawn(left[row], Style::good);
    line.drawn(last ? memory : std::string(memory.size(), ' '), Style::dim);
    line.drawn(right[row], Style::accent);
    line.drawn(last && c.width >= 70 ? span : "", Style::dim);
    out.push_back(line.line());
  }
}

/// Why there is nothing to draw.
std::string nothing(const Model& m) {
  if (!m.gpus) {
    return m.no_gpus.empty() ? "GPU: not known yet" : "GPU: not sampled: " + m.no_gpus;
  }
  return m.gpus->why.empty() ? "no GPU" : "no GPU: " + m.gpus->why;
}

} // namespace

std::size_t gpu_count(const Model& m) {
  return m.gpus ? m.gpus->devices.size() : 0;
}

Lines gpu_lines(const Model& m, const Canvas& c, std::size_t rows) {
  if (rows == 0) {
    return {};
  }
  if (gpu_count(m) == 0) {
    return {c.line().add(" " + nothing(m), Style::dim).line()};
  }
  const auto& gpus = m.gpus->devices;
  const auto each = std::max<std::size_t>(rows / gpus.size(), 1);
  Lines out;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (each == 1 && out.size() + 1 == rows && i + 1 < gpus.size()) {
      const auto more = gpus.size() - i;
      out.push_back(
          c.line().add(fmt::format(" and {} more GPUs: gpujob gpu", more), Style::dim).line());
      break;
    }
    if (gpus[i].state != "ok") {
      out.push_back(lost_line(gpus[i], c));
    } else if (each == 1) {
      out.push_back(short_line(m, gpus[i], c));
    } else {
      add_tall(out, m, gpus[i], c, each - 1);
    }
  }
  return out;
}

} // namespace gpujob::client::top
