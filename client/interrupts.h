// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

#include <csignal>
#include <initializer_list>
#include <optional>

namespace gpujob::client {

/// Turns signals (SIGINT, SIGTERM and SIGHUP where none are named) into something to poll for as
/// long as it lives.
class Interrupts {
public:
  Interrupts() : Interrupts({SIGINT, SIGTERM, SIGHUP}) {}
  explicit Interrupts(std::initializer_list<int> which);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  [[nodiscard]] int fd() const { return m_fd.get(); }
  /// A signal that has come, without waiting.
  std::optional<int> take();

private:
  sigset_t m_before{};
  Fd m_fd;
};

} // namespace gpujob::client
