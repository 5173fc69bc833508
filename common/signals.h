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

/// Every disposition to its default and an empty mask, for the child between fork and exec:
/// async-signal-safe. By raw system calls, since glibc neither touches its own two signals nor
/// leaves them alone: its posix_spawn ignores them, and an ignored signal survives exec.
void reset_signals();

} // namespace gpujob
