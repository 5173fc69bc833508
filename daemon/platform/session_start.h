// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/platform/facts.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::platform {

/// When the session began, and how we know.
struct SessionStart {
  BootTime boot{};    ///< may lie before this boot
  WallTime wall{};    ///< as seen when it was found out
  std::string source; ///< "flag", "environment", "config", "pid1" or "daemon"
  Confidence confidence = Confidence::low;
  std::vector<std::string> evidence;

  friend bool operator==(const SessionStart&, const SessionStart&) = default;
};

struct StartQuestion {
  bool platform_known = false;   ///< some platform's markers were found or the user named it
  std::optional<Duration> limit; ///< a start longer ago than this is no evidence
  BootTime daemon_start{};       ///< this session's first daemon
};

/// The start of PID 1 where that is the session's own (a platform, a container), else the daemon's.
SessionStart find_session_start(const Facts& facts, const StartQuestion& question, Now now);

/// "now", RFC 3339, local "YYYY-MM-DD HH:MM[:SS]", "HH:MM[:SS]" of today, unix seconds, "-30m" or
/// "30m ago". Not in the future and at most k_longest_session ago. `what` names the option in the
/// error.
Result<BootTime> parse_session_start(std::string_view text, std::string_view what, Now now);

/// Shorter ones are a slip: a bare number is seconds.
constexpr Duration k_shortest_session = std::chrono::seconds{10};
/// No platform we know of lets a session live longer than a day; a shared server's may last weeks.
constexpr Duration k_longest_session = std::chrono::hours{744};

} // namespace gpujob::platform
