// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// What a document of schema/platforms says, in a few words. What nobody publishes is "?", and what
/// is only reported ends in "?".
namespace gpujob::client::profile_words {

/// A member of it; empty where there is none.
std::string text(const nlohmann::json& j, const char* key);
std::vector<std::string> texts(const nlohmann::json& j, const char* key);

/// "12h", "20m", "1h 30m": shorter than what is told of something that runs.
std::string span(const nlohmann::json& seconds);
/// "12h", "20m?" where it is only reported, "?" where only the user knows.
std::string span_of(const nlohmann::json& rule);
/// "week", "month", "7h"
std::string period_text(const nlohmann::json& period);
/// "USD 1.26/h", of several machines the range.
std::string money_text(const nlohmann::json& money);
/// "TERM, 30 s": how it says that it ends a session.
std::string notice(const nlohmann::json& profile);

} // namespace gpujob::client::profile_words
