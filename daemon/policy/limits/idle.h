// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <vector>

/// Idleness as the platform counts it, from what a process inside can see of it.
namespace gpujob::limits {

/// One look at the notebook's servers, all of them together. Instants are by their wall clock.
struct Sighting {
  int kernels = 0, busy_kernels = 0;
  int connections = 0; ///< of front ends to kernels
  int terminals = 0;
  std::optional<WallTime> kernel_last, terminal_last; ///< last activity
};

/// What of it the platform takes for activity.
struct Counting {
  bool kernel = false;   ///< a busy kernel, whatever its last activity; else that
  bool frontend = false; ///< a connected one
  bool terminal = false; ///< its last input or output

  friend bool operator==(const Counting&, const Counting&) = default;
};

/// Since when nothing counts, over many looks. It goes by the boot clock: a wall clock that is set
/// makes nobody idle, and neither does an interval that nobody observed (a suspended machine).
class IdleWatch {
public:
  /// `usual`: how far two looks are apart when all goes well. The first look believes the servers'
  /// own instants, but nothing before `began`.
  void look(const Sighting& seen, const Counting& counts, BootTime began, Duration usual, Now now);

  /// The last activity that counts; nullopt before the first look.
  [[nodiscard]] std::optional<BootTime> active_at() const { return m_active; }
  /// Something that counts was going on at the last look.
  [[nodiscard]] bool active() const { return m_active && m_active == m_looked; }

private:
  std::optional<BootTime> m_active, m_looked;
  std::optional<WallTime> m_last;
};

/// The next instant at which the platform may end a session that was active last at `active`: after
/// the lowest of `caps` that is not over yet. nullopt: it has outlived them all.
std::optional<BootTime> next_idle_end(BootTime active, const std::vector<Duration>& caps,
                                      BootTime now);

} // namespace gpujob::limits
