// SPDX-License-Identifier: Apache-2.0
#include "client/instant.h"
#include "client/render/job.h"
#include "client/render/saving.h"
#include "client/top/parts.h"
#include "common/duration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace gpujob::client::top {

namespace {

enum class Column : std::uint8_t { state, attempt, progress, left, saved, next };

struct Shown {
  Column column;
  const char* heading;
  std::size_t width;
};

using Table = std::vector<Shown>;

constexpr std::size_t k_bar = 10;
constexpr std::size_t k_least_name = 10, k_most_name = 28;

std::size_t needed(const Table& table) {
  std::size_t out = 2 + k_least_name;
  for (const auto& column : table) {
    out += 1 + column.width;
  }
  return out;
}

/// The columns that fit; what can be told below goes first.
Table table_for(std::size_t width) {
  Table table{{Column::state, "STATE", 8},        {Column::attempt, "TRY", 3},
              {Column::progress, "PROGRESS", 16}, {Column::left, "LEFT", 7},
              {Column::saved, "LAST SAVE", 16},   {Column::next, "NEXT", 8}};
  for (const auto column : {Column::next, Column::attempt, Column::left}) {
    if (needed(table) > width) {
      std::erase_if(table, [&](const Shown& s) { return s.column == column; });
    }
  }
  for (auto& s : table) {
    if (s.column == Column::progress && needed(table) > width) {
      s.heading = "PROG";
      s.width = 5;
    }
  }
  if (needed(table) > width) {
    std::erase_if(table, [](const Shown& s) { return s.column == Column::saved; });
  }
  return table;
}

std::string progress_text(const Job& job, const Glyphs& glyphs, std::size_t width) {
  const auto part = job.view.progress;
  if (!part || !std::isfinite(*part)) {
    return "-";
  }
  const auto percent = fmt::format("{:.0f} %", std::clamp(*part, 0.0, 1.0) * 100);
  return width < k_bar + 6 ? percent : fmt::format("{} {:>5}", glyphs.bar(part, k_bar), percent);
}

/// "copying 61 %", "3m 12s, stored"
std::string saved_text(const Job& job, WallTime now) {
  if (const auto* c = job.on_its_way()) {
    if (c->stored_bytes && c->total_bytes && *c->total_bytes > 0) {
      return fmt::format("copying {:.0f} %", 100 * static_cast<double>(*c->stored_bytes) /
                                                 static_cast<double>(*c->total_bytes));
    }
    return "being verified";
  }
  const auto* newest = job.view.newest_confirmed();
  const auto at = newest != nullptr ? newest->at : job.view.checkpoint_at;
  if (!at) {
    return newest != nullptr ? "yes" : "none";
  }
  const auto age = format_duration(std::max(now - *at, Duration::zero()));
  return newest == nullptr ? age
                           : age + (newest->durable.empty() ? ", VM only" : ", " + newest->durable);
}

std::string in(const std::optional<WallTime>& at, WallTime now) {
  return at && *at > now ? format_duration(*at - now) : at ? "now" : "-";
}

/// When it is asked to save next, the last time included.
std::optional<WallTime> next_save(const JobView& v) {
  const auto last = v.saving && v.saving->last_at ? v.saving->last_at : v.request_at;
  return v.saving && v.saving->next_at ? v.saving->next_at : last;
}

std::string cell_text(const Job& job, const Shown& column, const Model& m, const Glyphs& glyphs) {
  const auto& v = job.view;
  switch (column.column) {
  case Column::state:
    return v.state;
  case Column::attempt:
    return v.attempt == 0 ? "-" : fmt::format("{}", v.attempt);
  case Column::progress:
    return progress_text(job, glyphs, column.width);
  case Column::left:
    return job.active() ? in(job.done_at, m.now) : "-";
  case Column::saved:
    return saved_text(job, m.now);
  case Column::next:
    return job.active() ? in(next_save(v), m.now) : "-";
  }
  return {};
}

Style state_style(const Job& job) {
  const auto& state = job.view.state;
  return state == "failed" || state == "lost"   ? Style::bad
         : state == "held" || state == "ending" ? Style::warning
         : job.active()                         ? Style::good
                                                : Style::dim;
}

Line job_line(const Job& job, const Table& table, std::size_t name, const Model& m,
              const Canvas& c) {
  const bool chosen = job.view.id == m.choice.job;
  auto line = c.line();
  const auto pick = [&](Style style) { return chosen ? Style::selected : style; };
  line.drawn(chosen ? (c.glyphs.utf8 ? "▸ " : "> ") : "  ", pick(Style::strong));
  line.field(job.view.name, name, pick(Style::strong));
  for (const auto& column : table) {
    auto text = cell_text(job, column, m, c.glyphs);
    line.drawn(" ", pick(Style::plain));
    const auto style = column.column == Column::state ? state_style(job) : Style::plain;
    if (column.column == Column::progress) {
      line.drawn(c.glyphs.padded(text, column.width), pick(style)); // its bar is ours
    } else {
      line.field(text, column.width, pick(style));
    }
  }
  if (chosen) {
    line.fill(Style::selected);
  }
  return line.line();
}

} // namespace

Lines job_lines(const Model& m, const Canvas& c, std::size_t rows) {
  if (rows == 0) {
    return {};
  }
  const auto table = table_for(c.width);
  const auto name =
      std::min(c.width - std::min(c.width, needed(table)) + k_least_name, k_most_name);
  auto heading = c.line();
  heading.drawn("  ").field("JOB", name, Style::dim);
  for (const auto& column : table) {
    heading.drawn(" ").field(column.heading, column.width, Style::dim);
  }
  Lines out{heading.line()};
  if (m.jobs.empty()) {
    out.push_back(c.line().add("  no jobs yet: gpujob run --name NAME -- COMMAND").line());
  }
  const auto room = rows - 1;
  const auto* chosen = m.selected();
  const auto place = chosen == nullptr ? 0 : static_cast<std::size_t>(chosen - m.jobs.data());
  auto first = place < room ? 0 : place - room + 1;
  // One line is for how many more there are, unless that would be the last one itself.
  for (std::size_t i = first; i < m.jobs.size() && out.size() < rows; ++i) {
    const auto left = m.jobs.size() - i;
    if (room > 2 && out.size() + 1 == rows && left > 1 && i != place) {
      out.push_back(c.line().add(fmt::format("  and {} more below", left), Style::dim).line());
      break;
    }
    out.push_back(job_line(m.jobs[i], table, name, m, c));
  }
  out.resize(std::min(out.size(), rows));
  return out;
}

Lines detail_lines(const Model& m, const Canvas& c) {
  const auto* job = m.selected();
  if (job == nullptr) {
    return {};
  }
  const auto& v = job->view;
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](const char* label, std::string text) {
    if (!text.empty()) {
      facts.emplace_back(label, std::move(text));
    }
  };
  add("status", v.status);
  add("why", v.reason.empty() && job->ended() ? how_it_ended(v) : v.reason);
  if (const auto* copy = job->on_its_way()) {
    add("copy", storing_line(*copy));
  }
  if (job->active()) {
    for (auto& [label, text] : saving_lines(v, m.now)) {
      add(label.c_str(), std::move(text));
    }
    if (!v.saving && v.request_at) {
      add("last save",
          fmt::format("{} ({})", clock_text(*v.request_at, m.now), relative(*v.request_at, m.now)));
    }
  }
  Lines out;
  for (const auto& [label, text] : facts) {
    out.push_back(c.line().drawn("  ").field(label, 12, Style::dim).drawn(" ").add(text).line());
  }
  return out;
}

} // namespace gpujob::client::top
