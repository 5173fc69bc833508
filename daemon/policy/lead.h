// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>

namespace gpujob::policy {

/// How long before the end the final checkpoint of a job without history is asked for: the user's
/// --lead, else 120 s, or a quarter of a shorter session.
Duration lead_time(std::optional<Duration> user, Duration session_length);

/// The last part of a lead: TERM this long before the end (min(30 s, lead / 4)), KILL at its half.
struct LeadParts {
  Duration grace;        ///< request to TERM
  Duration kill_grace;   ///< TERM to KILL
  Duration last_reserve; ///< KILL to the end: the last copies
};
LeadParts split_lead(Duration lead);

} // namespace gpujob::policy
