// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/revive.h"

#include "common/file.h"
#include "common/log.h"
#include "common/signals.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/file.h>
#include <unistd.h>
#include <vector>

namespace gpujob::shim {

namespace {

/// A daemon that restarts itself is back within this; the whole is to take less than 2 s.
constexpr Duration k_first_look = std::chrono::milliseconds{300};
constexpr Duration k_first_backoff = std::chrono::milliseconds{500};
constexpr Duration k_max_backoff = std::chrono::seconds{60};
/// A daemon lives but has not connected: it may be about to, or about to die.
constexpr Duration k_look_again = std::chrono::seconds{1};

bool lock_is_held(const std::string& path) {
  const auto fd = open_file(path, O_RDONLY);
  // Released at once with the descriptor. A shared lock, so that shims do not see each other.
  return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0;
}

[[noreturn]] void exec_daemon(char* const* argv) {
  reset_signals();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::dup2(null, 2);
  ::execv(argv[0], argv);
  ::_exit(127);
}

void start(const Revive& how) {
  if (::access(how.exe.c_str(), X_OK) != 0) {
    log_line(io_error("revive: no daemon lives, and none can be started", how.exe, errno).text);
    return;
  }
  std::vector<char*> argv{const_cast<char*>(how.exe.c_str())};
  for (const auto& arg : how.args) {
    argv.push_back(const_cast<char*>(arg.c_str()));
  }
  argv.push_back(nullptr);
  const int pid = ::fork();
  if (pid == 0) {
    ::setsid();
    // Forked again, so that it leads no session and can never gain a terminal.
    if (::fork() == 0) {
      exec_daemon(argv.data());
    }
    ::_exit(0);
  }
  log_line(fmt::format("revive: no daemon lives: started {}", how.exe));
}

} // namespace

Reviver::Reviver(std::optional<Revive> how, BootTime now)
    : m_how(std::move(how)), m_backoff(k_first_backoff) {
  if (m_how) {
    m_next = now + k_first_look;
  }
}

void Reviver::tick(bool connected, BootTime now) {
  if (!m_how) {
    return;
  }
  if (connected != m_connected) {
    m_connected = connected;
    m_backoff = k_first_backoff;
    m_next = connected ? std::nullopt : std::optional(now + k_first_look);
  }
  if (!m_next || now < *m_next) {
    return;
  }
  if (::access(m_how->stop_marker.c_str(), F_OK) == 0 || lock_is_held(m_how->lock)) {
    m_next = now + k_look_again;
    return;
  }
  start(*m_how);
  m_next = now + m_backoff;
  m_backoff = std::min(m_backoff * 2, k_max_backoff);
}

} // namespace gpujob::shim
