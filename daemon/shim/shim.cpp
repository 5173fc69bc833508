// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/shim.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

namespace gpujob::shim {

namespace {

/// Sentinels are looked for this often; while a request is outstanding somebody is waiting.
constexpr Duration k_output_interval = std::chrono::seconds{2};
constexpr Duration k_output_interval_asked = std::chrono::milliseconds{500};
/// A flood of datagrams must not keep the loop from its deadlines.
constexpr std::size_t k_datagrams_at_once = 64;
constexpr int k_quick_opens = 5;
constexpr int k_pause_ms = 10;

Fd open_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

int milliseconds_until(BootTime at) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(at - read_clocks().boot).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000));
}

void drain(const Fd& fd) {
  char buffer[1024];
  while (::read(fd.get(), buffer, sizeof buffer) > 0) {
  }
}

} // namespace

Shim::Shim(std::string attempt_dir, Launch launch, Fd cmdline)
    : m_dir(std::move(attempt_dir)), m_launch(std::move(launch)), m_cmdline(std::move(cmdline)),
      m_signals(open_signals()),
      m_timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      m_journal(file(attempt_file::k_journal)),
      m_output(file(attempt_file::k_output), m_launch.log_max_bytes),
      m_reviver(m_launch.revive, read_clocks().boot) {}

/// Whether both are there. Without them the job is deaf and the daemon blind, but the job runs and
/// its end is recorded; those that are missing are tried again.
bool Shim::open_sockets() {
  std::string missing;
  if (!m_notify) {
    if (auto notify = NotifySocket::open(m_launch.notify_socket)) {
      m_notify.emplace(std::move(*notify));
    } else {
      missing = "notify: " + notify.error().text;
    }
  }
  if (!m_link) {
    if (auto listener = listen_unix(m_launch.link_socket, SOCK_STREAM, true)) {
      m_link.emplace(std::move(*listener), m_cmdline, m_journal);
    } else {
      missing = "link: " + listener.error().text;
    }
  }
  if (!missing.empty() && !std::exchange(m_socket_error_logged, true)) {
    log_line(missing + ": will be tried again");
  }
  return missing.empty();
}

void Shim::run() {
  for (int i = 0; !open_sockets() && i < k_quick_opens; ++i) {
    ::poll(nullptr, 0, k_pause_ms); // a job may speak as soon as it runs
  }
  start(read_clocks());
  while (m_phase != Phase::ended) {
    const auto woken = wait();
    // Out of memory, say: this look is lost, the job and its record are not.
    try {
      step(woken, read_clocks());
    } catch (const std::exception& e) {
      log_line(fmt::format("step: {}", e.what()));
      ::poll(nullptr, 0, 100);
    }
  }
  flush_link();
}

BootTime Shim::next_wakeup() const {
  auto next = m_next_output;
  const auto sooner = [&next](std::optional<BootTime> at) {
    if (at) {
      next = std::min(next, *at);
    }
  };
  sooner(m_hearing->next());
  sooner(m_reviver.next());
  sooner(m_routes->next());
  sooner(m_next_retry);
  sooner(restoring_next());
  if (job_lives()) {
    sooner(m_course->next());
    sooner(m_asking->next_look());
    sooner(m_continue ? std::optional(m_course->gate()) : std::nullopt);
  }
  if (m_phase == Phase::leader_gone || (job_lives() && m_course->kill_was_sent())) {
    sooner(m_next_tree);
  }
  return next;
}

void Shim::arm_timer() const {
  // Zero would switch the timer off; a past instant fires at once.
  const auto ns = std::max<std::int64_t>(to_ns(next_wakeup()), 1);
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1000000000;
  spec.it_value.tv_nsec = ns % 1000000000;
  ::timerfd_settime(m_timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

Shim::Woken Shim::wait() {
  arm_timer();
  const auto writing = static_cast<short>(m_link && m_link->wants_write() ? POLLOUT : 0);
  // poll(2) passes over negative descriptors.
  std::array<pollfd, 5> fds{
      {{m_signals.get(), POLLIN, 0},
       {m_timer.get(), POLLIN, 0},
       {m_notify ? m_notify->fd() : -1, POLLIN, 0},
       {m_link ? m_link->listener() : -1, POLLIN, 0},
       {m_link ? m_link->connection() : -1, static_cast<short>(POLLIN | writing), 0}}};
  // Without a timer poll(2) does its work, to the millisecond.
  ::poll(fds.data(), fds.size(), m_timer ? -1 : milliseconds_until(next_wakeup()));
  drain(m_signals);
  drain(m_timer);
  return {fds[3].revents != 0, fds[4].revents != 0};
}

/// What was heard comes before what is due: an acknowledgement or an extension may just be in time.
void Shim::step(Woken woken, Now now) {
  if (woken.connection) {
    obey(now);
  }
  if (woken.listener) {
    m_link->accept_new();
  }
  reap(now);
  follow_restoring(now);
  hear(k_datagrams_at_once, now);
  m_hearing->tick(now);
  m_routes->tick(now);
  if (job_lives()) {
    follow_course(now);
  }
  if (now.boot >= m_next_output) {
    read_output(now);
    m_output.enforce_cap();
    m_next_output =
        now.boot + (m_asking->outstanding() ? k_output_interval_asked : k_output_interval);
  }
  if (m_phase == Phase::leader_gone) {
    end_tree(now);
  }
  retry_records(now);
  m_reviver.tick(m_link && m_link->connected(), now.boot);
  if (m_link) {
    m_link->pump();
  }
}

void Shim::obey(Now now) {
  for (const auto& command : m_link->receive()) {
    if (const auto* plan = std::get_if<NewPlan>(&command)) {
      m_course->set_plan(plan->plan, now.boot);
    } else if (const auto* request = std::get_if<ContinueRequest>(&command)) {
      m_continue = request->number;
    }
  }
}

void Shim::hear(std::size_t most, Now now) {
  if (!m_notify) {
    return;
  }
  for (const auto& notice : m_notify->receive(most)) {
    m_hearing->hear(notice, now);
    if (notice.checkpoint) {
      m_asking->acknowledged(now);
    }
    if (const auto term_at =
            notice.extend ? m_course->extend(*notice.extend, now.boot) : std::nullopt) {
      m_routes->extend(*term_at);
      m_journal.append(journal::Extended{*term_at}, now);
    }
  }
}

void Shim::read_output(Now now) {
  for (const auto& path : m_output.scan()) {
    m_hearing->hear_sentinel(path, now);
    m_asking->acknowledged(now);
  }
}

void Shim::flush_link() {
  // A daemon that does not read finds the rest in the journal.
  const auto end = read_clocks().boot + std::chrono::milliseconds{500};
  for (auto now = read_clocks().boot; m_link && m_link->connected() && now < end;
       now = read_clocks().boot) {
    m_link->pump();
    if (!m_link->wants_write()) {
      break;
    }
    pollfd fd{m_link->connection(), POLLOUT, 0};
    ::poll(&fd, 1, 50);
  }
}

} // namespace gpujob::shim
