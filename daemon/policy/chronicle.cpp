// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/chronicle.h"

#include "common/text.h"
#include "daemon/policy/detail.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace gpujob::policy {

using namespace std::chrono_literals;

namespace {

/// An end that no notice speaks of moves a little with every count of a quota: less is no news.
constexpr Duration k_same_end = 1min;
constexpr Duration k_same_notice = 1s;

bool under_way(const Job& job) {
  return std::holds_alternative<Running>(job.state) || std::holds_alternative<Ending>(job.state);
}

std::string state_of_run(const Job& job, std::int64_t failures_before) {
  if (const auto* ended = job.ended_state()) {
    return std::string(to_text(ended->state));
  }
  return job.budgets.failures > failures_before ? "failed" : "interrupted";
}

/// `job` still is in, or has just left, the run of `r`.
void value(AttemptRecord& r, const Job& job) {
  const auto saved = detail::saved_at(job);
  const auto length =
      r.ended ? std::optional(std::max(*r.ended - r.started, Duration::zero())) : std::nullopt;
  if (r.state == "done" && length) {
    r.kept = length;
    r.lost = Duration::zero();
    return;
  }
  r.kept = saved ? std::max(*saved - r.started, Duration::zero()) : Duration::zero();
  if (length) {
    r.kept = std::min(*r.kept, *length);
    r.lost = *length - *r.kept;
  }
  if (r.state != "running" && r.lost != Duration::zero()) {
    const auto& why = reason_text(job);
    r.why_lost = record_text(saved ? why : why + "; nothing had been saved");
  }
}

std::string checkpoint_text(const Checkpoint& c) {
  auto text = fmt::format("checkpoint {}", c.seq);
  if (c.step) {
    text += fmt::format(" (step {})", *c.step);
  }
  text += fmt::format(", {}, by {}", format_bytes(static_cast<unsigned long long>(c.bytes)), c.how);
  return text + (c.durable_level.empty() ? ", on this machine only" : ", " + c.durable_level);
}

} // namespace

Chronicle::Chronicle(const World& w) : m_ends_at(w.session.ends_at), m_noticed(w.session.noticed) {
  for (const auto& [id, job] : w.jobs) {
    if (job.ended_state() == nullptr) {
      m_seen.emplace(id, seen_of(job));
    }
  }
}

void Chronicle::add(Occurrence occurrence) {
  occurrence.text = record_text(occurrence.text);
  m_news.events.push_back(std::move(occurrence));
}

Chronicle::Seen Chronicle::seen_of(const Job& job) {
  Seen seen;
  // Of an attempt that only starts no record has come yet.
  seen.begun = std::holds_alternative<Starting>(job.state) ? 0 : job.attempt;
  seen.failures = job.budgets.failures;
  seen.held = std::holds_alternative<Held>(job.state);
  seen.waits =
      std::holds_alternative<Queued>(job.state) || std::holds_alternative<Starting>(job.state);
  if (const auto* running = std::get_if<Running>(&job.state)) {
    seen.told_no_catch = running->told_no_catch;
  }
  if (under_way(job) && job.started) {
    AttemptRecord r{job.id, job.spec.name, job.attempt, *job.started, {}, "running", {}, {}, {}};
    value(r, job);
    seen.run = std::move(r);
  }
  for (const auto& c : job.checkpoints) {
    seen.checkpoints[c.seq] = {c.state, !c.durable_level.empty()};
  }
  return seen;
}

void Chronicle::tell(const Job& job, Happened kind, WallTime at, int attempt, std::string text) {
  add({at, kind, job.id, job.spec.name, attempt, std::move(text)});
}

void Chronicle::look(const World& w, Now now) {
  for (const auto& id : w.dirty) {
    const auto it = w.jobs.find(id);
    if (it == w.jobs.end()) {
      m_seen.erase(id);
      continue;
    }
    const auto& job = it->second;
    auto seen = m_seen.find(id);
    if (seen == m_seen.end()) {
      // One that had ended, or one of another session: what it was before is no news.
      if (job.ended_state() != nullptr) {
        continue;
      }
      seen = m_seen.emplace(id, seen_of(job)).first;
    }
    look_at(job, seen->second, now);
    if (job.ended_state() != nullptr && !w.active.contains(id)) {
      m_seen.erase(seen);
    }
  }
  look_at_announcements(w, now);
  look_at_session(w.session, now);
}

void Chronicle::look_at(const Job& job, Seen& seen, Now now) {
  look_at_start(job, seen, now);
  look_at_checkpoints(job, seen, now);
  look_at_run(job, seen, now);
  look_at_waiting(job, seen, now);
  seen.failures = job.budgets.failures;
}

void Chronicle::look_at_start(const Job& job, Seen& seen, Now now) {
  const bool began = job.journal_seq > 0 && seen.begun != job.attempt;
  if (!began) {
    return;
  }
  seen.begun = job.attempt;
  seen.told_no_catch = false;
  const auto at = job.started.value_or(now.wall);
  seen.run = AttemptRecord{job.id, job.spec.name, job.attempt, at, {}, "running", {}, {}, {}};
  tell(job, Happened::run_started, at, job.attempt,
       job.resume_from.empty()
           ? fmt::format("attempt {} starts from the beginning", job.attempt)
           : fmt::format("attempt {} resumes from {}", job.attempt, printable(job.resume_from)));
}

void Chronicle::look_at_checkpoints(const Job& job, Seen& seen, Now now) {
  std::map<int, SeenCheckpoint> there;
  for (const auto& c : job.checkpoints) {
    const SeenCheckpoint is{c.state, !c.durable_level.empty()};
    const auto it = seen.checkpoints.find(c.seq);
    const bool news = it == seen.checkpoints.end() || it->second.state != c.state;
    const bool stored = it != seen.checkpoints.end() && !it->second.durable && is.durable;
    there[c.seq] = is;
    if (news && c.state == CheckpointState::verified) {
      tell(job, Happened::checkpoint, c.at, c.attempt, checkpoint_text(c));
    } else if (stored && c.state == CheckpointState::verified) {
      tell(job, Happened::notice, now.wall, c.attempt,
           fmt::format("checkpoint {} is {} now", c.seq, c.durable_level));
    } else if (news && c.state == CheckpointState::rejected) {
      tell(job, Happened::warning, c.at, c.attempt,
           fmt::format("checkpoint not confirmed: {}: {}", printable(c.path), c.note));
    } else if (news && c.state == CheckpointState::unconfirmed) {
      tell(job, Happened::warning, c.at, c.attempt, "no checkpoint was made: " + c.note);
    }
  }
  seen.checkpoints = std::move(there);
}

void Chronicle::look_at_run(const Job& job, Seen& seen, Now now) {
  if (!seen.run) {
    return;
  }
  auto r = *seen.run;
  if (under_way(job)) {
    value(r, job);
    const auto* running = std::get_if<Running>(&job.state);
    if (running != nullptr && running->told_no_catch && !std::exchange(seen.told_no_catch, true)) {
      tell(job, Happened::warning, now.wall, job.attempt,
           "catches no checkpoint signal: it saves only by itself");
    }
  } else {
    r.started = job.attempt == r.attempt ? job.started.value_or(r.started) : r.started;
    r.ended = job.attempt == r.attempt ? job.left : std::nullopt;
    r.state = state_of_run(job, seen.failures);
    value(r, job);
    tell(job, Happened::run_ended, r.ended.value_or(now.wall), r.attempt,
         fmt::format("{}: {}", r.state, reason_text(job)));
  }
  if (r != *seen.run) {
    m_news.attempts.push_back(r);
  }
  if (under_way(job)) {
    seen.run = std::move(r);
  } else {
    seen.run.reset();
    seen.waits = false; // this end has been told
  }
}

/// One that came to no run of its own is told of where it stopped.
void Chronicle::look_at_waiting(const Job& job, Seen& seen, Now now) {
  const auto* held = std::get_if<Held>(&job.state);
  if (held != nullptr && !seen.held) {
    tell(job, Happened::warning, now.wall, 0, "held: " + held->reason);
  }
  const auto* ended = job.ended_state();
  if (ended != nullptr && (seen.waits || seen.held) && ended->state != EndState::stopped) {
    tell(job, Happened::warning, now.wall, 0,
         fmt::format("not started, {}: {}", to_text(ended->state), ended->reason));
  }
  seen.held = held != nullptr;
  seen.waits =
      std::holds_alternative<Queued>(job.state) || std::holds_alternative<Starting>(job.state);
}

/// What is said to every job alike is said once.
void Chronicle::look_at_announcements(const World& w, Now now) {
  std::map<std::string_view, std::vector<const Announcement*>> warnings;
  for (const auto& a : w.announcements) {
    if (a.warning && a.text != w.session.end_why) {
      warnings[a.text].push_back(&a);
    }
  }
  for (const auto& [text, list] : warnings) {
    const auto job = w.jobs.find(list.front()->job);
    if (list.size() == 1 && job != w.jobs.end()) {
      tell(job->second, Happened::warning, now.wall, job->second.attempt, std::string(text));
    } else {
      add({now.wall, Happened::warning, {}, {}, 0, std::string(text)});
    }
  }
}

void Chronicle::look_at_session(const Session& session, Now now) {
  const auto apart = [](const std::optional<BootTime>& a, const std::optional<BootTime>& b,
                        Duration least) {
    return a.has_value() != b.has_value() || (a && std::chrono::abs(*a - *b) >= least);
  };
  const bool noticed = session.noticed.has_value();
  const bool moved = apart(session.ends_at, m_ends_at, noticed ? k_same_notice : k_same_end);
  if (noticed && (moved || apart(session.noticed, m_noticed, k_same_notice))) {
    add({now.wall, Happened::notice, {}, {}, 0, session.end_why});
  } else if (!noticed && m_noticed) {
    add({now.wall, Happened::notice, {}, {}, 0, "the notice was withdrawn, or has passed"});
  } else if (moved && !session.end_why.empty()) {
    add({now.wall, Happened::warning, {}, {}, 0, session.end_why});
  } else if (!moved) {
    return;
  }
  m_noticed = session.noticed;
  m_ends_at = session.ends_at;
}

} // namespace gpujob::policy
