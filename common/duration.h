// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <string>
#include <string_view>

namespace gpujob {

/// "9h", "1h30m", "40s", "2.5h", "250ms", "1d", or plain seconds "90". Not negative.
/// `what` names the option in the error (Errc::usage).
Result<Duration> parse_duration(std::string_view text, std::string_view what);

/// "2h 05m", "4m 31s", "9.5s": two units, for people.
std::string format_duration(Duration d);
/// The same for any number of seconds that somebody claims.
std::string format_seconds(double seconds);

} // namespace gpujob
