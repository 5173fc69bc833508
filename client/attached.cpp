// SPDX-License-Identifier: Apache-2.0
#include "client/attached.h"

#include "client/interrupts.h"
#include "client/output.h"
#include "client/render/job.h"
#include "common/clock.h"
#include "common/json.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

/// Looking at a log that cannot be watched, and at a stdout that may close silently.
constexpr int k_poll_ms = 100;
constexpr int k_idle_ms = 1000;

/// A copy that takes longer than this is spoken of, once; what is not known yet is asked for again
/// after as long.
constexpr auto k_long_copy = std::chrono::seconds{10};

/// Which of the job's checkpoints is being stored, and whether people have heard of it.
class LongCopy {
public:
  /// What to say of it now; mostly nothing. May ask the daemon.
  std::string news(Watcher& watcher);

private:
  std::int64_t m_seq = 0; ///< 0: none
  BootTime m_ask_at{};
  bool m_told = false;
};

std::string LongCopy::news(Watcher& watcher) {
  const auto find = [](const JobView& v) {
    return std::ranges::find(v.checkpoints, "securing", &CheckpointView::state);
  };
  const auto& view = watcher.view();
  const auto it = find(view);
  const auto seq = it == view.checkpoints.end() ? 0 : it->seq;
  const auto now = read_clocks().boot;
  if (seq != m_seq) {
    m_seq = seq;
    m_ask_at = now + k_long_copy;
    m_told = false;
  }
  if (m_seq == 0 || m_told || now < m_ask_at || !watcher.connected()) {
    return {};
  }
  m_ask_at = now + k_long_copy;
  const auto answer = watcher.connection().call("show", {{"job", view.id}});
  const auto shown = answer ? read_job_view(*answer) : Result<JobView>(answer.error());
  if (!shown) {
    return {}; // update() will notice
  }
  const auto copied = find(*shown);
  auto line = copied == shown->checkpoints.end() ? std::string() : storing_line(*copied);
  m_told = !line.empty();
  return line;
}

class Attached {
public:
  Attached(Watcher& watcher, const JobView& since, LogFollower::From from) : m_watcher(watcher) {
    // The log of a waiting job is that of an attempt before the one that we wait for.
    const bool over = since.waiting() && !since.log.empty();
    m_attempt = std::max(over ? since.attempt : since.attempt - 1, 0);
    m_from = since.waiting() ? LogFollower::From::start : from;
  }

  Result<AttachedEnd> run();

private:
  Result<Copied> step();
  Result<Copied> copy();
  Result<void> open_next(int attempt);
  /// The last log there is has been opened.
  [[nodiscard]] bool caught_up() const { return m_attempt >= m_watcher.view().attempt; }
  void wait();
  AttachedEnd leave(int signal);
  AttachedEnd ended();

  Watcher& m_watcher;
  LogFollower::From m_from = LogFollower::From::start;
  Interrupts m_interrupts;
  std::optional<LogFollower> m_log;
  LongCopy m_long_copy;
  int m_attempt = 0; ///< whose log m_log is; without one: the attempt before the first to show
};

Result<AttachedEnd> Attached::run() {
  for (;;) {
    auto copied = step();
    if (!copied) {
      return copied.error();
    }
    if (const auto signal = m_interrupts.take()) {
      return leave(*signal);
    }
    if (*copied == Copied::closed) {
      return AttachedEnd{m_watcher.view(), std::nullopt};
    }
    if (*copied == Copied::all && m_watcher.view().settled() && caught_up()) {
      return ended();
    }
    wait();
  }
}

/// News first, then the output: when the job is over by the news, its log is complete.
Result<Copied> Attached::step() {
  auto texts = m_watcher.update();
  if (!texts) {
    return texts.error();
  }
  auto copied = copy();
  for (const auto& text : *texts) {
    note(text);
  }
  if (const auto news = m_long_copy.news(m_watcher); !news.empty()) {
    note(news);
  }
  return copied;
}

Result<Copied> Attached::copy() {
  if (stdout_closed()) {
    return Copied::closed;
  }
  for (;;) {
    auto copied = m_log ? m_log->copy() : Result<Copied>(Copied::all);
    if (!copied || *copied != Copied::all) {
      return copied;
    }
    const int next = m_attempt + 1;
    if (m_watcher.view().attempt < next || !m_watcher.connected()) {
      return Copied::all;
    }
    GPUJOB_TRY(open_next(next));
    if (m_attempt != next) {
      return Copied::all; // the daemon went away; update() will notice
    }
  }
}

Result<void> Attached::open_next(int attempt) {
  // The view's path is fit for people, not for opening; and an attempt may have come and gone
  // while no daemon told us of it.
  auto answer =
      m_watcher.connection().call("logs", {{"job", m_watcher.view().id}, {"attempt", attempt}});
  if (!answer) {
    return answer.error().code == Errc::unreachable ? Result<void>{} : answer.error();
  }
  json::Reader reader(*answer, "daemon: logs");
  auto path = reader.bytes("path");
  if (!reader.ok()) {
    return reader.error();
  }
  m_attempt = attempt;
  m_log.emplace(std::move(path), m_from, m_interrupts.fd());
  m_from = LogFollower::From::start;
  return {};
}

void Attached::wait() {
  const int log = m_log ? m_log->fd() : -1;
  pollfd entries[] = {{m_watcher.fd(), POLLIN, 0},
                      {m_interrupts.fd(), POLLIN, 0},
                      {log, POLLIN, 0},
                      {STDOUT_FILENO, 0, 0}};
  const bool blind = !m_watcher.connected() || (m_log && log < 0);
  ::poll(entries, 4, blind ? k_poll_ms : k_idle_ms);
}

AttachedEnd Attached::leave(int signal) {
  // After SIGHUP and SIGTERM nobody is there to read it.
  if (signal == SIGINT) {
    note(fmt::format("detached; {} goes on; to come back: gpujob attach {}", m_watcher.view().name,
                     m_watcher.view().name));
  }
  return {m_watcher.view(), std::nullopt};
}

AttachedEnd Attached::ended() {
  if (m_log && m_log->mid_line() && ::isatty(STDOUT_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0) {
    (void)print("\n");
  }
  const auto& view = m_watcher.view();
  note(how_it_ended(view));
  return {view, view.run_exit.value_or(1)};
}

} // namespace

Result<AttachedEnd> stay_attached(Watcher& watcher, const JobView& since, LogFollower::From from) {
  return Attached(watcher, since, from).run();
}

Result<AttachedEnd> stay_quiet(Watcher& watcher) {
  Interrupts interrupts;
  auto ended = watch_until(watcher, interrupts, [](const JobView& v) { return v.settled(); });
  if (!ended) {
    return ended.error();
  }
  const auto& view = watcher.view();
  if (!*ended) {
    note(fmt::format("detached; {} goes on; to come back: gpujob attach {}", view.name, view.name));
    return AttachedEnd{view, std::nullopt};
  }
  note(how_it_ended(view));
  return AttachedEnd{view, view.run_exit.value_or(1)};
}

} // namespace gpujob::client
