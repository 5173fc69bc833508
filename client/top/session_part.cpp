// SPDX-License-Identifier: Apache-2.0
#include "client/instant.h"
#include "client/render/limits.h"
#include "client/top/parts.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace gpujob::client::top {

namespace {

using namespace std::chrono_literals;

/// Below it a bar tells less than the text that it takes the room of.
constexpr std::size_t k_narrow = 60;

std::size_t label_width(const Canvas& c) {
  return c.width < k_narrow ? 8 : 11;
}

/// One limit: marked or not, its name, how much of it is gone, in words.
struct LimitRow {
  bool binds = false;
  std::string label;
  std::optional<double> used;
  std::string text;
};

Line draw(const LimitRow& row, const Canvas& c) {
  auto line = c.line();
  const auto style = row.binds ? Style::strong : Style::plain;
  line.drawn(row.binds ? (c.glyphs.utf8 ? "▶" : ">") : " ", Style::accent);
  line.field(row.label, label_width(c), style).drawn(" ");
  if (c.width >= k_narrow) {
    const auto almost = row.used && *row.used > 0.9;
    line.drawn(c.glyphs.bar(row.used, std::clamp<std::size_t>(c.width / 8, 8, 30)),
               almost ? Style::warning : Style::good);
    line.drawn(" ");
  }
  return line.add(row.text, style).line();
}

std::string who_ends(const std::string& by) {
  return by == "notice" ? ", the platform gave notice"
         : by.empty() || by == "session_limit"
             ? ""
             : fmt::format(" by {}", by == "quota" ? "a quota" : by);
}

LimitRow session_row(const SessionView& s, WallTime now, bool narrow) {
  const bool own = s.ends_by.empty() || s.ends_by == "session_limit" || s.ends_by == "notice";
  const bool another = std::ranges::any_of(s.limits, [](const LimitView& l) { return l.binds; });
  LimitRow row{own && !another && s.ends_at.has_value(), "session", std::nullopt, ""};
  if (!s.ends_at) {
    row.text = s.limit_s ? format_seconds(*s.limit_s) + ", its end is not known"
                         : "end not known: gpujob limits set session=9h";
    return row;
  }
  const auto left = to_seconds(*s.ends_at - now);
  const auto whole = s.started_at ? to_seconds(*s.ends_at - *s.started_at) : s.limit_s.value_or(0);
  if (whole > 0) {
    row.used = 1 - left / whole;
  }
  if (left < 0) {
    row.text = fmt::format("over since {}, by what is known", format_seconds(-left));
  } else {
    row.text = (row.binds && !narrow ? "ends first in " : "ends in ") + format_seconds(left);
    row.text += whole > 0 && !narrow ? " of " + format_seconds(whole) : "";
    row.text += fmt::format(", at {}{}", clock_text(*s.ends_at, now), who_ends(s.ends_by));
  }
  if (!s.limit_confidence.empty()) {
    row.text += ", sure: " + s.limit_confidence;
  }
  return row;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc{} && end == text.data() + text.size() && !text.empty()
             ? std::optional(value)
             : std::nullopt;
}

/// How much of a limit is gone; nullopt where that is not known.
std::optional<double> part_used(const LimitView& l) {
  if (l.amount_s && *l.amount_s > 0) {
    return l.used_s   ? std::optional(*l.used_s / *l.amount_s)
           : l.left_s ? std::optional(1 - *l.left_s / *l.amount_s)
                      : std::nullopt;
  }
  const auto amount = number(l.amount), used = number(l.used), left = number(l.left);
  if (!amount || *amount <= 0) {
    return std::nullopt;
  }
  return used   ? std::optional(*used / *amount)
         : left ? std::optional(1 - *left / *amount)
                : std::nullopt;
}

/// When the session began, by what is known of it.
std::optional<WallTime> began(const Model& m) {
  return m.session && m.session->started_at ? m.session->started_at : std::nullopt;
}

/// The soonest of `when` over the jobs that run, the selected one's where it has any.
template <typename When>
std::optional<WallTime> soonest(const Model& m, When when) {
  const auto* chosen = m.selected();
  if (chosen != nullptr && chosen->active() && when(*chosen)) {
    return when(*chosen);
  }
  std::optional<WallTime> out;
  for (const auto& job : m.jobs) {
    const auto at = job.active() ? when(job) : std::nullopt;
    out = at && (!out || *at < *out) ? at : out;
  }
  return out;
}

struct Mark {
  WallTime at;
  std::string_view sign;
  std::string what; ///< empty: many of them, explained once
};

/// In the order in which they may cover one another.
std::vector<Mark> marks(const Model& m, const Canvas& c) {
  std::vector<Mark> out;
  for (const auto& job : m.jobs) {
    for (const auto& checkpoint : job.view.checkpoints) {
      if (checkpoint.confirmed && checkpoint.at) {
        out.push_back({*checkpoint.at, "o", ""});
      }
    }
  }
  out.push_back({m.now, c.glyphs.utf8 ? "●" : "@", "now"});
  const auto add = [&](std::optional<WallTime> at, std::string_view sign, const char* what) {
    if (at) {
      out.push_back({*at, sign, what});
    }
  };
  add(soonest(m,
              [](const Job& j) { return j.view.saving ? j.view.saving->next_at : std::nullopt; }),
      "n", "next save");
  add(soonest(m,
              [](const Job& j) {
                const auto& v = j.view;
                return v.saving && v.saving->last_at ? v.saving->last_at : v.request_at;
              }),
      "L", "last save");
  add(soonest(m, [](const Job& j) { return j.view.term_at; }), "T", "TERM");
  add(m.session ? m.session->ends_at : std::nullopt, "E", "end");
  return out;
}

Line draw_axis(const Model& m, const Canvas& c, const std::vector<Mark>& all) {
  const auto begin = *began(m);
  const auto end = std::max(*m.session->ends_at, m.now);
  auto line = c.line();
  line.drawn(" ").field("time", label_width(c)).drawn(" ");
  const auto cells = line.room();
  const auto place = [&](WallTime at) {
    const auto part = to_seconds(at - begin) / std::max(to_seconds(end - begin), 1.0);
    return static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(cells - 1));
  };
  const auto here = place(m.now);
  std::vector<std::string_view> signs(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    signs[i] = i < here ? (c.glyphs.utf8 ? "━" : "=") : (c.glyphs.utf8 ? "─" : "-");
  }
  std::vector<bool> marked(cells);
  for (const auto& mark : all) {
    if (mark.at >= begin && mark.at <= end) {
      signs[place(mark.at)] = mark.sign;
      marked[place(mark.at)] = true;
    }
  }
  for (std::size_t i = 0; i < cells; ++i) {
    line.drawn(std::string(signs[i]), marked[i]  ? Style::strong
                                      : i < here ? Style::accent
                                                 : Style::dim);
  }
  return line.line();
}

/// What comes is worth its room before what was.
Line draw_legend(const Model& m, const Canvas& c, const std::vector<Mark>& all) {
  auto line = c.line();
  line.drawn(std::string(c.width >= 100 ? label_width(c) + 2 : 1, ' '));
  bool first = true;
  const auto add = [&](const std::string& text) {
    const auto shown = (first ? "" : "  ") + text;
    if (columns(shown) <= line.room()) {
      line.drawn(shown);
      first = false;
    }
  };
  for (const auto& mark : all) {
    if (!mark.what.empty() && mark.what != "now") {
      add(fmt::format("{} {} {}", mark.sign, mark.what, clock_text(mark.at, m.now)));
    }
  }
  if (std::ranges::any_of(all, [](const Mark& k) { return k.what.empty(); })) {
    add("o saved");
  }
  add(c.glyphs.utf8 ? "● now" : "@ now");
  return line.line();
}

} // namespace

std::string clock_text(WallTime at, WallTime now) {
  // "Sat 21 Nov 17:41:10 CET"
  const auto words = split(format_local(at), ' ');
  const auto time = std::ranges::find_if(
      words, [](const std::string& w) { return w.find(':') != std::string::npos; });
  if (time == words.end()) {
    return format_local(at);
  }
  const auto distance = std::chrono::abs(at - now);
  const auto clock = distance < 10min ? *time : time->substr(0, 5);
  return distance > 18h ? fmt::format("{} {}", words.front(), clock) : clock;
}

Line title_line(const Model& m, const Canvas& c) {
  auto line = c.line();
  line.add("gpujob top", Style::strong);
  if (m.gone_since) {
    line.add(fmt::format("  NO DAEMON since {} ({})", clock_text(*m.gone_since, m.now),
                         relative(*m.gone_since, m.now)),
             Style::bad);
  } else if (m.asked_since && m.now - *m.asked_since > 3s) {
    line.add(fmt::format("  the daemon has not answered for {}",
                         format_duration(m.now - *m.asked_since)),
             Style::bad);
  } else if (m.session) {
    line.add("  " + m.session->platform);
    line.add(m.session->variant.empty() ? "" : ", " + m.session->variant);
    line.add(m.session->plan.empty() ? "" : ", plan " + m.session->plan);
  }
  return line.right(format_local(m.now), Style::dim).line();
}

Lines limit_lines(const Model& m, const Canvas& c) {
  if (!m.session) {
    return {c.line().add(" session   not known yet", Style::dim).line()};
  }
  const auto& s = *m.session;
  Lines out{draw(session_row(s, m.now, c.width < k_narrow), c)};
  std::vector<const LimitView*> limits;
  for (const auto& l : s.limits) {
    limits.push_back(&l);
  }
  const auto rank = [](const LimitView* l) { return l->binds ? 0 : part_used(*l) ? 1 : 2; };
  std::ranges::stable_sort(limits, {}, rank);
  for (const auto* l : limits) {
    auto label = l->type == "window" || l->type == "grants" || l->type == "balance"
                     ? fmt::format("{} {}", l->type == "window" ? "quota" : l->type, l->resource)
                     : l->type;
    auto text = (l->binds ? "ends first: " : "") + limit_line(*l, s, m.now);
    if (!l->confidence.empty() && part_used(*l)) {
      text += "; sure: " + l->confidence;
    }
    out.push_back(draw({l->binds, std::move(label), part_used(*l), std::move(text)}, c));
  }
  const bool told = std::ranges::any_of(s.limits, [](const auto& l) { return l.type == "idle"; });
  if (s.idle_ends_at && !told) {
    out.push_back(draw({false, "idle", std::nullopt,
                        fmt::format("may end {} ({})", clock_text(*s.idle_ends_at, m.now),
                                    relative(*s.idle_ends_at, m.now))},
                       c));
  }
  return out;
}

Lines time_lines(const Model& m, const Canvas& c) {
  const auto all = marks(m, c);
  Lines out;
  if (began(m) && m.session->ends_at && c.width > label_width(c) + 12) {
    out.push_back(draw_axis(m, c, all));
  }
  out.push_back(draw_legend(m, c, all));
  return out;
}

} // namespace gpujob::client::top
