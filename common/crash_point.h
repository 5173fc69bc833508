// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef GPUJOB_TEST_HOOKS
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <unistd.h>
#endif

namespace gpujob {

/// A place where the tests may kill -9 the program: GPUJOB_TEST_CRASH_AT=<name>. Compiled in only
/// with GPUJOB_TEST_HOOKS.
inline void crash_point([[maybe_unused]] const char* name) {
#ifdef GPUJOB_TEST_HOOKS
  const char* wanted = std::getenv("GPUJOB_TEST_CRASH_AT");
  if (wanted != nullptr && std::string_view(wanted) == name) {
    ::kill(::getpid(), SIGKILL);
  }
#endif
}

} // namespace gpujob
