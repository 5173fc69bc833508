// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <string_view>

/// What people write for single settings. `what` names who wrote it, for the error (Errc::usage).
namespace gpujob::platform {

/// A duration above 0 and at most k_longest_session; "none" is no limit.
Result<std::optional<Duration>> parse_session_limit(std::string_view text, std::string_view what);

/// An absolute directory, without a slash at its end; "none" switches it off.
Result<std::optional<std::string>> parse_durable(std::string_view text, std::string_view what);

/// 1..1000.
Result<int> parse_slots(std::string_view text, std::string_view what);

} // namespace gpujob::platform
