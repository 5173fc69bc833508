// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

#include <csignal>
#include <optional>

namespace gpujob::client {

/// Turns SIGINT, SIGTERM and SIGHUP into something to poll for as long as it lives.
class Interrupts {
public:
  Interrupts();
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
