// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/lead.h"

#include <algorithm>

namespace gpujob::policy {

using namespace std::chrono_literals;

Duration lead_time(std::optional<Duration> user, Duration session_length) {
  return user ? *user : std::min<Duration>(120s, session_length / 4);
}

LeadParts split_lead(Duration lead) {
  const Duration reserve = std::min<Duration>(30s, lead / 4);
  const Duration kill_grace = reserve / 2;
  return {lead - reserve, kill_grace, reserve - kill_grace};
}

} // namespace gpujob::policy
