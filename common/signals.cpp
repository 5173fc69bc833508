// SPDX-License-Identifier: Apache-2.0
#include "common/signals.h"

#include "common/text.h"

#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gpujob {

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? std::string(name) : fmt::format("SIG{}", number);
}

std::optional<int> signal_number(std::string_view name) {
  if (const auto number = parse_int(name)) {
    return *number > 0 && *number < NSIG ? std::optional(static_cast<int>(*number)) : std::nullopt;
  }
  if (name.starts_with("SIG")) {
    name.remove_prefix(3);
  }
  for (int number = 1; number < NSIG; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) {
      return number;
    }
  }
  return std::nullopt;
}

void reset_signals() {
  // The kernel's struct sigaction; all zero means SIG_DFL, no flags, no mask, on every
  // architecture.
  static constexpr unsigned char k_default[64] = {};
  constexpr std::size_t k_set_size = 8;
  for (int number = 1; number <= 64; ++number) {
    ::syscall(SYS_rt_sigaction, number, k_default, nullptr, k_set_size); // KILL and STOP refuse
  }
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, k_default, nullptr, k_set_size);
}

} // namespace gpujob
