// SPDX-License-Identifier: Apache-2.0
#include "client/report/model.h"

#include "client/report/gpu_rows.h"
#include "client/report/local_time.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gpujob::client {

using namespace std::chrono_literals;

namespace {

/// Marks that are nearer than this share of the time line are drawn as one.
constexpr double k_mark_apart = 0.011;
/// An end that lies further ahead than this share of what has passed is told, not drawn.
constexpr int k_ahead_share = 3;
constexpr int k_most_days = 31;

Duration span_of(double seconds) {
  return Duration{std::llround(seconds * 1e9)};
}

bool of_scope(const Gathered& g, const std::string& session, const std::string& job) {
  if (!g.job_id.empty()) {
    return job == g.job_id;
  }
  return g.scope.last || g.session_id.empty() || session == g.session_id;
}

/// The last that is known of each job: where an attempt without an end is drawn to.
std::map<std::string, WallTime> last_words(const std::vector<EventView>& events) {
  std::map<std::string, WallTime> out;
  for (const auto& e : events) {
    auto& last = out[e.job];
    last = std::max(last, e.at);
  }
  return out;
}

struct Maker {
  const Gathered& g;
  Report r;
  std::map<std::string, WallTime> heard{};

  void choose() {
    for (const auto& e : g.events) {
      if (of_scope(g, e.session, e.job)) {
        r.events.push_back(e);
      }
    }
    std::ranges::stable_sort(r.events, {}, &EventView::at);
    heard = last_words(r.events);
  }

  void add_run(const AttemptView& a) {
    Run run;
    run.attempt = a;
    run.kept_until = a.started + span_of(a.kept_s.value_or(0));
    run.end_known = a.ended.has_value();
    run.until = a.ended ? *a.ended : a.running() ? g.now : std::max(run.kept_until, heard[a.job]);
    run.until = std::max(run.until, a.started);
    auto row = std::ranges::find(r.jobs, a.job, &JobRow::id);
    if (row == r.jobs.end()) {
      row = r.jobs.insert(r.jobs.end(), JobRow{});
      row->id = a.job;
    }
    row->name = a.name;
    row->state = a.state;
    ++row->attempts;
    const double ran = to_seconds(run.until - a.started);
    row->ran_s += ran;
    row->kept_s += a.kept_s.value_or(0);
    row->lost_s += a.lost_s.value_or(0);
    if (a.running()) {
      row->open_s += std::max(ran - a.kept_s.value_or(0), 0.0);
    } else if (!a.lost_s) {
      ++row->unknown;
    }
    if (a.lost_s.value_or(0) > 0) {
      add_loss(a);
    }
    row->runs.push_back(std::move(run));
  }

  void add_loss(const AttemptView& a) {
    auto& losses = r.goodput.losses;
    const auto& why = a.why_lost.empty() ? a.state : a.why_lost;
    auto loss = std::ranges::find(losses, why, &Loss::why);
    if (loss == losses.end()) {
      loss = losses.insert(losses.end(), Loss{why, 0, 0});
    }
    loss->seconds += *a.lost_s;
    ++loss->times;
  }

  void add_jobs() {
    auto attempts = g.attempts;
    std::ranges::stable_sort(attempts, {}, &AttemptView::started);
    for (const auto& a : attempts) {
      if (of_scope(g, a.session, a.job)) {
        add_run(a);
      }
    }
    for (auto& row : r.jobs) {
      // The daemon knows better how it is now than its last attempt: it may be queued again.
      const auto view = std::ranges::find(g.jobs, row.id, &JobView::id);
      row.state = view == g.jobs.end() ? row.state : view->state;
      row.name = view == g.jobs.end() ? row.name : view->name;
      auto& all = r.goodput;
      all.kept_s += row.kept_s;
      all.lost_s += row.lost_s;
      all.open_s += row.open_s;
      all.unknown += row.unknown;
    }
    std::ranges::stable_sort(r.goodput.losses, std::greater<>{}, &Loss::seconds);
  }

  void set_window() {
    auto first = g.now;
    auto last = WallTime{};
    for (const auto& row : r.jobs) {
      first = std::min(first, row.runs.front().attempt.started);
      for (const auto& run : row.runs) {
        last = std::max(last, run.until);
      }
    }
    for (const auto& e : r.events) {
      first = std::min(first, e.at);
    }
    r.from = first;
    r.until = g.now;
    if (g.scope.last) {
      r.from = std::max(first, g.now - *g.scope.last);
    } else if (!g.job_id.empty()) {
      r.until = r.jobs.empty() ? g.now : last;
    } else {
      r.from = g.session.started_at.value_or(first);
      r.of_this_session = true;
      const auto ahead = (g.now - r.from) / k_ahead_share;
      if (const auto end = g.session.ends_at; end && *end > g.now && *end - g.now <= ahead) {
        r.until = *end;
      }
    }
    r.from = std::min(r.from, r.until - 1s);
  }

  void add_mark(JobRow& row, MarkKind kind, const EventView& e) const {
    const auto apart = span_of(to_seconds(r.until - r.from) * k_mark_apart);
    const auto last = std::find_if(row.marks.rbegin(), row.marks.rend(),
                                   [&](const Mark& m) { return m.kind == kind; });
    if (last != row.marks.rend() && e.at - last->at < apart) {
      ++last->count;
      last->text = e.text;
      return;
    }
    row.marks.push_back({kind, e.at, 1, e.text});
  }

  void add_events() {
    for (const auto& e : r.events) {
      const auto row = std::ranges::find(r.jobs, e.job, &JobRow::id);
      if (e.kind == "checkpoint") {
        ++r.saves;
        if (row != r.jobs.end()) {
          ++row->saves;
          row->saved_at = e.at;
          add_mark(*row, MarkKind::save, e);
        }
      } else if (e.kind == "warning") {
        ++r.warnings;
        if (row != r.jobs.end()) {
          add_mark(*row, MarkKind::warning, e);
        }
      } else if (e.kind == "notice" && e.job.empty()) {
        r.notices.emplace_back(e.at, e.text);
      } else if (e.kind == "session_started" && e.at > r.from) {
        r.sessions.push_back(e.at);
      }
    }
  }

  ResourceUse& resource(const std::string& name) {
    const auto it = std::ranges::find(r.uses, name, &ResourceUse::resource);
    return it != r.uses.end() ? *it : r.uses.emplace_back(ResourceUse{name, {}, {}});
  }

  void add_use(const UseView& use, WallTime first) {
    auto& days = resource(use.resource).days;
    if (days.empty()) {
      for (auto day = first; day <= g.now; day = midnight(day, 1)) {
        days.push_back({day, 0});
      }
    }
    for (auto& day : days) {
      const auto begin = std::max(use.from, day.day);
      const auto end = std::min({use.until, midnight(day.day, 1), g.now});
      day.seconds += begin < end ? to_seconds(end - begin) : 0;
    }
  }

  void add_uses() {
    if (!g.job_id.empty()) {
      return; // a quota knows no jobs
    }
    int days = 7;
    if (g.scope.last) {
      days = static_cast<int>(std::ceil(to_seconds(*g.scope.last) / 86400));
    }
    const auto first = midnight(g.now, 1 - std::clamp(days, 7, k_most_days));
    for (const auto& use : g.uses) {
      if (use.until > first && use.from < use.until) {
        add_use(use, first);
      }
    }
    for (const auto& limit : g.session.limits) {
      const auto it = std::ranges::find(r.uses, limit.resource, &ResourceUse::resource);
      if (it != r.uses.end() && limit.amount_s && limit.type == "window") {
        it->limits.push_back(limit);
      }
    }
  }
};

} // namespace

Report make_report(const Gathered& gathered) {
  Maker m{gathered, {}};
  m.r.scope = gathered.scope;
  m.r.made_at = gathered.now;
  m.r.session_id = gathered.session_id;
  m.r.session = gathered.session;
  m.r.gpu_note = gathered.gpu_note;
  m.choose();
  m.add_jobs();
  m.set_window();
  m.add_events();
  m.add_uses();
  add_gpus(gathered, m.r);
  return std::move(m.r);
}

} // namespace gpujob::client
