// SPDX-License-Identifier: Apache-2.0
#include "client/top/live.h"

#include "client/interrupts.h"
#include "client/top/keys.h"
#include "client/top/layout.h"
#include "client/top/log_lines.h"
#include "client/top/screen.h"
#include "common/clock.h"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gpujob::client::top {

namespace {

using namespace std::chrono_literals;

/// How long a word of ours stands where the keys are.
constexpr auto k_message = 8s;
/// A daemon that has not answered after this long is spoken of.
constexpr auto k_silence = 3s;

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
  if (!m_model.held()) {
    read_tail(m_model.log);
  }
  m_screen->draw(top::draw(m_model, m_screen->size(), m_screen->glyphs()));
}

} // namespace

Result<int> run_live(Feed& feed, Model& model, Duration interval,
                     const std::vector<std::string>& environment) {
  return Live(feed, model, interval).run(environment);
}

} // namespace gpujob::client::top
