// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/lead.h"

#include <algorithm>

namespace gpujob::policy {

using namespace std::chrono_literals;

Duration lead_time(std::optional<Duration> user, Duration longest_save, Duration session_length) {
  if (user) {
    return *user;
  }
  return std::min(std::max<Duration>(120s, 3 * longest_save), session_length / 4);
}

LeadParts split_lead(Duration lead) {
  const Duration reserve = std::min<Duration>(30s, lead / 4);
  const Duration kill_grace = reserve / 2;
  return {lead - reserve, kill_grace, reserve - kill_grace};
}

} // namespace gpujob::policy
