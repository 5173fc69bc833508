// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/proc.h"
#include "common/time.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace gpujob::shim {

/// Ends what the leader left behind: TERM to everybody once, from `kill_at` on KILL at every look.
class Ending {
public:
  /// Looks at who is left; true when nobody is, or nobody whom this user may signal (what a job
  /// started by sudo). `kill_at` may change from look to look.
  bool step(const std::vector<proc::Stat>& left, BootTime kill_at, Now now);
  /// These got their TERM with the leader, so a second one is not sent: many programs take that as
  /// "quit without saving".
  void already_told(const std::vector<proc::Stat>& members);

private:
  bool end_all(const std::vector<proc::Stat>& left, BootTime kill_at, BootTime now);

  using Identity = std::pair<int, std::uint64_t>;
  std::set<Identity> m_told;
  int m_empty_looks = 0;
  bool m_stuck_logged = false;
};

} // namespace gpujob::shim
