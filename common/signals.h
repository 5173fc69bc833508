// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// "USR1" for SIGUSR1; "SIG42" for one without a name.
std::string signal_name(int number);
/// "USR1", "SIGUSR1" or "10".
std::optional<int> signal_number(std::string_view name);

} // namespace gpujob
