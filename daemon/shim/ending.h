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
  /// Looks at who is left; true when nobody is. `kill_at` may change from look to look.
  bool step(const std::vector<proc::Stat>& left, BootTime kill_at, Now now);
  /// These got their TERM with the leader, so a second one is not sent: many programs take that as
  /// "quit without saving".
  void already_told(const std::vector<proc::Stat>& members);

private:
  using Identity = std::pair<int, std::uint64_t>;
  std::set<Identity> m_told;
  int m_empty_looks = 0;
};

} // namespace gpujob::shim
