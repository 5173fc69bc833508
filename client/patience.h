// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/output.h"
#include "common/clock.h"

namespace gpujob::client {

/// The daemon itself gives a durable directory 20 s to open and 60 s to be read.
constexpr Duration k_meet_timeout = std::chrono::seconds{100};
/// When to tell people what they are waiting for.
constexpr Duration k_patience = std::chrono::seconds{5};

/// A wait that ends some time, and that says after a while what it is for.
class Patience {
public:
  explicit Patience(const char* what_for, Duration limit = k_meet_timeout)
      : m_what_for(what_for), m_limit(limit) {}

  /// False when it has lasted long enough.
  bool wait_on() {
    const auto waited = read_clocks().boot - m_since;
    if (waited > k_patience && !m_said) {
      m_said = true;
      note(m_what_for);
    }
    return waited < m_limit;
  }

private:
  const char* m_what_for;
  Duration m_limit;
  BootTime m_since = read_clocks().boot;
  bool m_said = false;
};

} // namespace gpujob::client
