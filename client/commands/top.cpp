// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/interrupts.h"
#include "client/output.h"
#include "client/top/feed.h"
#include "client/top/keys.h"
#include "client/top/layout.h"
#include "client/top/log_lines.h"
#include "client/top/screen.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/text.h"

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gpujob::client {

namespace {

using namespace std::chrono_literals;
using namespace top;

/// How long a word of ours stands where the keys are.
constexpr auto k_message = 8s;
/// A daemon that has not answered after this long is spoken of.
constexpr auto k_silence = 3s;
constexpr int k_once_ms = 30'000;

Result<Duration> read_interval(const std::string& text) {
  auto interval = parse_duration(text, "top: --interval");
  if (interval && (*interval < 100ms || *interval > 1h)) {
    return Error{Errc::usage, "top: --interval: " + text + ": out of range: give 0.1s to 1h"};
  }
  return interval;
}

/// The live picture, until it is left.
class Live {
public:
  Live(Feed& feed, Model& model, Duration interval)
      : m_feed(feed), m_model(model), m_interval(interval) {}

  Result<int> run(const std::vector<std::string>& environment);

private:
  void tick(BootTime now);
  void wait(BootTime now);
  void take_signals();
  void take_keys();
  void carry_out(const Order& order);
  void stop_here();
  void come_back();
  void draw();

  Feed& m_feed;
  Model& m_model;
  Duration m_interval;
  // Before the screen, which must not be left half drawn by one of them.
  Interrupts m_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
  std::unique_ptr<Screen> m_screen;
  BootTime m_next{};
  BootTime m_said_at{};
  std::string m_said;
  bool m_worth_drawing = true;
  std::optional<int> m_exit;
};

Result<int> Live::run(const std::vector<std::string>& environment) {
  auto screen = Screen::open(environment);
  if (!screen) {
    return screen.error();
  }
  m_screen = std::move(*screen);
  while (!m_exit) {
    const auto now = read_clocks().boot;
    if (now >= m_next) {
      tick(now);
    }
    if (m_worth_drawing) {
      draw();
    }
    wait(now);
    take_signals();
    take_keys();
    m_worth_drawing = m_feed.receive(m_model, read_clocks().wall) || m_worth_drawing;
  }
  ::signal(SIGTTOU, SIG_IGN); // who leaves puts the terminal right, wherever he stands
  return *m_exit;
}

void Live::tick(BootTime now) {
  // Ticks that were missed, in a stopped terminal, are not made up for.
  m_next = now + m_interval;
  const auto wall = read_clocks().wall;
  m_feed.begin(m_model, wall);
  if (m_model.message != m_said) {
    m_said = m_model.message;
    m_said_at = now;
  } else if (!m_said.empty() && now - m_said_at > k_message) {
    m_model.message.clear();
    m_said.clear();
    m_worth_drawing = true;
  }
  const bool silent = m_model.asked_since && wall - *m_model.asked_since > k_silence;
  m_worth_drawing = m_worth_drawing || m_feed.fd() < 0 || silent || m_model.gone_since;
}

void Live::wait(BootTime now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(m_next - now);
  pollfd entries[] = {
      {STDIN_FILENO, POLLIN, 0}, {m_signals.fd(), POLLIN, 0}, {m_feed.fd(), POLLIN, 0}};
  if (::poll(entries, 3, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
    return;
  }
  int bytes = 0;
  const bool readable = (entries[0].revents & POLLIN) != 0;
  const bool ended = readable && ::ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 && bytes == 0;
  if ((entries[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 || ended) {
    m_exit = 128 + SIGHUP; // the terminal has gone
  }
}

void Live::take_signals() {
  while (const auto signal = m_signals.take()) {
    if (*signal == SIGWINCH) {
      m_screen->resized();
    } else if (*signal == SIGTSTP) {
      stop_here();
    } else if (*signal == SIGCONT) {
      come_back();
    } else {
      // Ctrl-C is a way to leave as good as q.
      m_exit = *signal == SIGINT ? 0 : 128 + *signal;
    }
    m_worth_drawing = true;
  }
}

/// What Ctrl-Z does to a program that does not care for its terminal.
void Live::stop_here() {
  m_screen->leave();
  struct sigaction usual {};
  struct sigaction before {};
  usual.sa_handler = SIG_DFL;
  ::sigaction(SIGTSTP, &usual, &before);
  ::raise(SIGTSTP);
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTSTP);
  ::sigprocmask(SIG_UNBLOCK, &stop, nullptr); // here it stops, and goes on
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  ::sigaction(SIGTSTP, &before, nullptr); // the SIGCONT that it goes on by is still to be taken
}

/// Continued in the background it stands still again, until the terminal is its own.
void Live::come_back() {
  if (m_exit) {
    return; // told to end meanwhile: the terminal may be somebody else's
  }
  if (::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {
    m_screen->come_back();
  } else {
    ::raise(SIGTTOU);
  }
}

void Live::take_keys() {
  while (!m_exit) {
    const auto key = m_screen->key();
    if (!key) {
      return;
    }
    const auto chosen = m_model.choice.job;
    const auto order = press(*key, m_model, m_screen->size(), m_screen->glyphs());
    if (m_model.choice.job != chosen) {
      m_next = {}; // its output is not known yet
    }
    if (order) {
      carry_out(*order);
    }
    m_worth_drawing = true;
  }
}

void Live::carry_out(const Order& order) {
  if (order.what == Order::What::quit) {
    m_exit = 0;
  } else if (order.what == Order::What::redraw) {
    m_screen->redraw();
  } else if (m_feed.fd() < 0) {
    m_model.message = "no daemon to ask: gpujob daemon start";
  } else {
    m_model.message = order.what == Order::What::stop ? "stopping ..." : "asking ...";
    m_feed.order(order, m_model, read_clocks().wall);
    m_next = {};
  }
}

void Live::draw() {
  m_worth_drawing = false;
  m_model.now = read_clocks().wall;
  // Who reads what was must not have it pulled away.
  const bool held = m_model.choice.page == Page::logs && m_model.choice.rows_up > 0;
  if (!held) {
    read_tail(m_model.log);
  }
  m_screen->draw(top::draw(m_model, m_screen->size(), m_screen->glyphs()));
}

/// A whole round of questions.
Result<void> ask_once(Feed& feed, Model& model) {
  feed.begin(model, read_clocks().wall);
  while (!feed.idle()) {
    pollfd entry{feed.fd(), POLLIN, 0};
    if (::poll(&entry, 1, k_once_ms) == 0) {
      return Error{Errc::unreachable, "daemon: no answer: it hangs; see its log"};
    }
    feed.receive(model, read_clocks().wall);
  }
  if (model.gone_since) {
    return Error{Errc::unreachable, "daemon: connection: it went away: see gpujob daemon status, "
                                    "then try again"};
  }
  return {};
}

/// The window's, else what the environment says of it, else what every terminal has.
Size once_size(const std::vector<std::string>& environment) {
  Size size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0) {
    return {window.ws_row, window.ws_col};
  }
  const auto read = [&](const char* name, std::size_t& into) {
    const auto value = parse_int(value_of(environment, name));
    if (value && *value > 0 && *value <= 1000) {
      into = static_cast<std::size_t>(*value);
    }
  };
  read("LINES", size.rows);
  read("COLUMNS", size.columns);
  return size;
}

Result<int> print_once(Feed& feed, Model& model, const std::vector<std::string>& environment) {
  GPUJOB_TRY(ask_once(feed, model));
  model.now = read_clocks().wall;
  read_tail(model.log);
  const Glyphs glyphs{speaks_utf8(environment)};
  GPUJOB_TRY(print(plain_text(draw(model, once_size(environment), glyphs, false))));
  if (!model.message.empty()) {
    note(model.message);
  }
  return 0;
}

Result<int> print_document(Feed& feed, Model& model) {
  GPUJOB_TRY(ask_once(feed, model));
  auto jobs = nlohmann::json::array();
  for (const auto& job : model.jobs) {
    jobs.push_back(nlohmann::json::parse(job.view.raw));
  }
  GPUJOB_TRY(print_json(
      {{"session", feed.said("quota")}, {"jobs", std::move(jobs)}, {"gpu", feed.said("gpu")}}));
  return 0;
}

} // namespace

Result<int> execute(const TopOptions& options) {
  const auto interval = read_interval(options.interval);
  if (!interval) {
    return interval.error();
  }
  const auto environment = own_environment();
  const bool live = !options.once && !options.json;
  if (live) {
    // Before a daemon is started for it.
    GPUJOB_TRY(Screen::check(environment));
  }
  auto endpoint = locate_daemon(environment);
  if (!endpoint) {
    return endpoint.error();
  }
  auto reached = reach_or_start(*endpoint, {});
  if (!reached) {
    return reached.error();
  }
  Feed feed(std::move(*endpoint));
  feed.adopt(std::move(reached->connection));
  Model model;
  if (live) {
    return Live(feed, model, *interval).run(environment);
  }
  return options.json ? print_document(feed, model) : print_once(feed, model, environment);
}

} // namespace gpujob::client
