// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// The comparison of platforms. What nobody publishes is "?", and what is only reported ends in
/// "?".
namespace gpujob::client {

/// Documents of schema/platforms, in the order in which they are shown.
using Profiles = std::vector<nlohmann::json>;

/// Two tables of at most 80 columns: what one may use, and what one gets.
std::string render_platforms(const Profiles& profiles);

/// One Markdown table with all columns.
std::string markdown_platforms(const Profiles& profiles);

} // namespace gpujob::client
