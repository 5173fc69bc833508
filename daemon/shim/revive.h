// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/launch.h"
#include "common/time.h"

#include <optional>

namespace gpujob::shim {

/// Brings the daemon back. No systemd watches over a notebook VM, so the shims do: without a
/// connection, and with nobody holding the daemon's lock, one is started. The lock makes it one.
class Reviver {
public:
  Reviver(std::optional<Revive> how, BootTime now);

  /// To be called at every wake-up.
  void tick(bool connected, BootTime now);
  [[nodiscard]] std::optional<BootTime> next() const { return m_next; }

private:
  std::optional<Revive> m_how;
  bool m_connected = false;
  Duration m_backoff;
  std::optional<BootTime> m_next;
};

} // namespace gpujob::shim
