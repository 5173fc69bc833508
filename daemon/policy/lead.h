// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>

namespace gpujob::policy {

/// How long before the end the final checkpoint is asked for: the user's --lead, else
/// min(max(120 s, 3 x the longest save seen), a quarter of the session's length). A fixed rule
/// until there is history to learn from (THEORY section 2 says what a fixed lead costs).
Duration lead_time(std::optional<Duration> user, Duration longest_save, Duration session_length);

/// The last part of a lead: TERM this long before the end (min(30 s, lead / 4)), KILL at its half.
struct LeadParts {
  Duration grace;        ///< request to TERM
  Duration kill_grace;   ///< TERM to KILL
  Duration last_reserve; ///< KILL to the end: the last copies
};
LeadParts split_lead(Duration lead);

} // namespace gpujob::policy
