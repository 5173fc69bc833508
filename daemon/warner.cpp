// SPDX-License-Identifier: Apache-2.0
#include "daemon/warner.h"

#include "common/log.h"
#include "daemon/process/launcher.h"

#include <algorithm>
#include <csignal>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_deadline = 60s;
/// More warnings than this that nobody has taken yet are not news.
constexpr std::size_t k_most_waiting = 8;

} // namespace

Warner::Warner(boost::asio::io_context& io, std::string command)
    : m_io(io), m_command(std::move(command)), m_deadline(io) {}

void Warner::warn(const std::string& text) {
  if (m_command.empty() || m_waiting.size() >= k_most_waiting || (m_running && text == m_telling) ||
      std::ranges::find(m_waiting, text) != m_waiting.end()) {
    return;
  }
  m_waiting.push_back(text);
  if (!m_running) {
    start_next();
  }
}

void Warner::start_next() {
  if (m_waiting.empty()) {
    return;
  }
  m_telling = std::move(m_waiting.front());
  m_waiting.pop_front();
  constexpr const char* k_script = "GPUJOB_WARNING=$2 exec /bin/sh -c \"$1\"";
  auto started = process::start({"/bin/sh", {"-c", k_script, "sh", m_command, m_telling}});
  if (!started) {
    log_line("on-warning: " + started.error().text);
    return;
  }
  m_running = std::make_unique<process::PidWatch>(m_io, std::move(started->pidfd), [this] {
    m_deadline.cancel();
    m_running.reset();
    start_next();
  });
  m_deadline.expires_after(k_deadline);
  m_deadline.async_wait([this](const boost::system::error_code& error) {
    if (!error && m_running) {
      log_line("on-warning: no end after a minute: killed");
      m_running->send_signal(SIGKILL);
    }
  });
}

} // namespace gpujob
