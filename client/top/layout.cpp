// SPDX-License-Identifier: Apache-2.0
#include "client/top/layout.h"

#include "client/top/log_lines.h"
#include "client/top/parts.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace gpujob::client::top {

namespace {

/// How many rows each part of the main page gets.
struct Rows {
  std::size_t limits = 0, time = 0, gpus = 0, jobs = 0, details = 0, output = 0;
};

/// Hands out rows by what is asked for, most important first, until none are left.
class Allotment {
public:
  explicit Allotment(std::size_t rows) : m_left(rows) {}

  /// Brings `part` up to `want` rows if there are as many.
  void raise(std::size_t& part, std::size_t want) {
    const auto more = std::min(want - std::min(want, part), m_left);
    part += more;
    m_left -= more;
  }
  /// By whole steps only: half a row of charts is none.
  void raise_whole(std::size_t& part, std::size_t want) {
    if (want > part && want - part <= m_left) {
      raise(part, want);
    }
  }
  [[nodiscard]] std::size_t left() const { return m_left; }

private:
  std::size_t m_left;
};

struct Wanted {
  std::size_t limits, time, gpus, jobs, details;
};

Rows allot(std::size_t rows, const Wanted& want) {
  Rows out;
  Allotment free(rows);
  free.raise(out.limits, 1);
  free.raise(out.jobs, 2);
  free.raise(out.gpus, 1);
  free.raise(out.output, 2);
  free.raise(out.time, want.time);
  free.raise_whole(out.gpus, std::min<std::size_t>(2 * want.gpus, 4));
  free.raise(out.jobs, 1 + std::min<std::size_t>(want.jobs, 4));
  free.raise(out.details, std::min<std::size_t>(want.details, 2));
  free.raise(out.limits, std::min<std::size_t>(want.limits, 4));
  free.raise(out.output, 6);
  free.raise_whole(out.gpus, 2 * want.gpus);
  free.raise(out.details, want.details);
  free.raise(out.jobs, 1 + std::min<std::size_t>(want.jobs, 12));
  free.raise(out.limits, want.limits);
  for (std::size_t height = 3; height <= 5; ++height) {
    free.raise_whole(out.gpus, height * want.gpus);
  }
  free.raise(out.output, rows);
  return out;
}

void take(Frame& frame, Lines lines, std::size_t most) {
  lines.resize(std::min(lines.size(), most));
  frame.insert(frame.end(), std::make_move_iterator(lines.begin()),
               std::make_move_iterator(lines.end()));
}

Line output_heading(const Model& m, const Canvas& c) {
  const auto* job = m.selected();
  const auto attempt = m.log.attempt > 0 || job == nullptr ? m.log.attempt : job->view.attempt;
  const auto of = job == nullptr
                      ? std::string(" output ")
                      : fmt::format(" output of {}, attempt {} ", job->view.name, attempt);
  auto line = c.line();
  line.drawn(c.glyphs.rule(2), Style::dim).add(of, Style::strong);
  return line.drawn(c.glyphs.rule(line.room()), Style::dim).line();
}

Lines output_lines(const Model& m, const Canvas& c, std::size_t rows) {
  Lines out{output_heading(m, c)};
  const auto room = rows - std::min<std::size_t>(rows, 1);
  const auto& lines = m.log.lines;
  for (auto i = lines.size() - std::min(lines.size(), room); i < lines.size(); ++i) {
    out.push_back(c.line().add(log_text(lines[i])).line());
  }
  if (lines.empty() && m.selected() != nullptr) {
    out.push_back(c.line().add("no output yet", Style::dim).line());
  }
  return out;
}

/// The longest of these that fits.
Line keys_line(const Canvas& c, const std::vector<std::string>& ways) {
  const auto fits =
      std::ranges::find_if(ways, [&](const std::string& way) { return columns(way) <= c.width; });
  return c.line().add(fits == ways.end() ? ways.back() : *fits, Style::dim).line();
}

/// What was asked of the person, what was said to him, or what he can press.
Line bottom_line(const Model& m, const Canvas& c) {
  const auto* job = m.selected();
  if (m.choice.asks_stop && job != nullptr) {
    return c.line()
        .add("stop ", Style::warning)
        .add(job->view.name, Style::warning)
        .add(": it saves first, then ends. Sure? y/n", Style::warning)
        .line();
  }
  if (!m.message.empty()) {
    return c.line().add(m.message, Style::strong).line();
  }
  if (m.choice.page == Page::main) {
    return keys_line(c, {"up/down or j/k select  c checkpoint  s stop  l logs  ? help  q quit",
                         "j/k select c save s stop l logs ? q quit"});
  }
  return keys_line(c,
                   {"up/down, page up/down, g G  scroll   l or q back", "j k g G scroll  q back"});
}

Frame main_page(const Model& m, Size size, const Canvas& c, bool keys) {
  const auto limits = limit_lines(m, c);
  const auto time = time_lines(m, c);
  const auto details = detail_lines(m, c);
  const auto fixed = 1 + (keys ? 1U : 0U);
  const Wanted want{limits.size(), time.size(), std::max<std::size_t>(gpu_count(m), 1),
                    std::max<std::size_t>(m.jobs.size(), 1), details.size()};
  auto rows = allot(size.rows - fixed, want);
  Frame out{title_line(m, c)};
  take(out, limits, rows.limits);
  take(out, time, rows.time);
  take(out, gpu_lines(m, c, rows.gpus), rows.gpus);
  take(out, job_lines(m, c, rows.jobs), rows.jobs);
  take(out, details, rows.details);
  // What a part left over is the output's.
  rows.output = size.rows - (keys ? 1U : 0U) - out.size();
  take(out, output_lines(m, c, rows.output), rows.output);
  return out;
}

std::vector<std::string> wrapped_log(const Model& m, std::size_t width, const Glyphs& glyphs) {
  std::vector<std::string> out;
  for (const auto& line : m.log.lines) {
    auto rows = wrapped(glyphs.shown(log_text(line)), width);
    std::ranges::move(rows, std::back_inserter(out));
  }
  return out;
}

Frame log_page(const Model& m, Size size, const Canvas& c) {
  const auto rows = wrapped_log(m, c.width, c.glyphs);
  const auto room = size.rows - 2;
  const auto up = std::min(m.choice.rows_up, rows.size() - std::min(rows.size(), room));
  const auto end = rows.size() - up;
  const auto begin = end - std::min(end, room);
  Frame out{output_heading(m, c)};
  for (auto i = begin; i < end; ++i) {
    out.push_back(c.line().drawn(rows[i]).line());
  }
  if (begin == 0 && !m.log.whole && out.size() > 1) {
    out[1] = c.line().add("older output is in " + m.log.path, Style::dim).line();
  }
  if (rows.empty()) {
    out.push_back(c.line().add("no output yet", Style::dim).line());
  }
  out.resize(size.rows - 1);
  auto line = keys_line(
      c, {"up/down, page up/down, g first, G last   l or q back", "j k g G scroll   q back"});
  const auto where = up == 0 ? std::string("the end, followed") : fmt::format("{} lines below", up);
  auto bottom = c.line();
  for (const auto& span : line) {
    bottom.drawn(span.text, span.style);
  }
  out.push_back(bottom.right(where, Style::strong).line());
  return out;
}

Frame help_page(const Model& m, Size size, const Canvas& c) {
  constexpr std::array k_help{"up, down, j, k   select a job",
                              "c                ask the selected job to save, and go on",
                              "s                stop it: it saves first (asks)",
                              "l                its output, on the whole screen",
                              "q, Ctrl-C        leave; jobs go on",
                              "Ctrl-Z, Ctrl-L   to the shell, draw anew",
                              "",
                              "> or a triangle marks the limit that ends the session first.",
                              "On the time line: o saved, n next save, L last save that is",
                              "planned, T jobs are told to end (TERM), E the session's end.",
                              "LAST SAVE says how safe the newest checkpoint is: stored or",
                              "flushed outlives this VM, cached may, VM only does not.",
                              "The charts show the last 10 minutes, the newest at the right.",
                              "More: gpujob quota --explain, gpujob show JOB, gpujob gpu"};
  Frame out{c.line().add("gpujob top: help", Style::strong).line()};
  for (const auto* text : k_help) {
    out.push_back(c.line().add(text).line());
  }
  out.resize(size.rows - 1);
  out.push_back(m.message.empty() ? c.line().add("any key: back", Style::dim).line()
                                  : c.line().add(m.message, Style::strong).line());
  return out;
}

Frame too_small(Size size, const Canvas& c) {
  const auto text = fmt::format("too small: gpujob top needs {} x {}, this is {} x {}",
                                k_smallest.columns, k_smallest.rows, size.columns, size.rows);
  Frame out;
  for (const auto& line : wrapped_words(text, c.width)) {
    out.push_back(c.line().add(line).line());
  }
  out.resize(std::min(out.size(), size.rows));
  return out;
}

} // namespace

Frame draw(const Model& m, Size size, const Glyphs& glyphs, bool keys) {
  const Canvas c{size.columns, glyphs};
  if (size.rows == 0 || size.columns == 0) {
    return {};
  }
  if (size.rows < k_smallest.rows || size.columns < k_smallest.columns) {
    return too_small(size, c);
  }
  if (m.choice.page == Page::logs) {
    return log_page(m, size, c);
  }
  if (m.choice.page == Page::help) {
    return help_page(m, size, c);
  }
  auto out = main_page(m, size, c, keys);
  if (keys) {
    out.resize(size.rows - 1);
    out.push_back(bottom_line(m, c));
  }
  return out;
}

std::size_t most_rows_up(const Model& m, Size size, const Glyphs& glyphs) {
  const auto rows = wrapped_log(m, std::max<std::size_t>(size.columns, 1), glyphs).size();
  const auto room = size.rows - std::min<std::size_t>(size.rows, 2);
  return rows - std::min(rows, room);
}

} // namespace gpujob::client::top
