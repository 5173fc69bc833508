// SPDX-License-Identifier: Apache-2.0
#include "client/interrupts.h"

#include "client/container.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace gpujob::client {

Interrupts::Interrupts(std::initializer_list<int> which) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : which) {
    ::sigaddset(&signals, signal);
  }
  m_fd = Fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
  // Without the descriptor the signals keep their default: ending us.
  if (m_fd) {
    ::sigprocmask(SIG_BLOCK, &signals, &m_before);
  } else {
    ::sigprocmask(SIG_BLOCK, nullptr, &m_before);
  }
}

Interrupts::~Interrupts() {
  ::sigprocmask(SIG_SETMASK, &m_before, nullptr);
}

std::optional<int> Interrupts::take() {
  signalfd_siginfo info{};
  if (!m_fd || ::read(m_fd.get(), &info, sizeof info) != sizeof info) {
    return std::nullopt;
  }
  const auto signal = static_cast<int>(info.ssi_signo);
  return is_containers_end(signal) ? std::nullopt : std::optional(signal);
}

} // namespace gpujob::client
