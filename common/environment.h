// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// "NAME=value" entries, as an environment has them.
namespace gpujob {

/// The value of NAME, or an empty view.
std::string_view value_of(const std::vector<std::string>& environment, std::string_view name);

/// The name before the "=".
std::string_view name_of(std::string_view entry);

} // namespace gpujob
