// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef GPUJOB_TEST_HOOKS
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#endif

#include <string_view>

namespace gpujob {

/// A place where the tests may kill -9 the program, once: GPUJOB_TEST_CRASH_AT=NAME:N is the Nth
/// time it is passed, and the file GPUJOB_TEST_CRASH_MARK, which must not be there, is made then,
/// so that the next daemon goes on. Compiled in only with GPUJOB_TEST_HOOKS.
inline void crash_point([[maybe_unused]] std::string_view name) {
#ifdef GPUJOB_TEST_HOOKS
  static int passes_left = -1;
  const char* at = std::getenv("GPUJOB_TEST_CRASH_AT");
  const char* mark = std::getenv("GPUJOB_TEST_CRASH_MARK");
  const std::string_view wanted = at == nullptr ? "" : at;
  const auto colon = wanted.find(':');
  if (mark == nullptr || colon == std::string_view::npos || wanted.substr(0, colon) != name) {
    return;
  }
  passes_left = passes_left < 0 ? std::atoi(at + colon + 1) : passes_left;
  if (--passes_left == 0 && ::open(mark, O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0) {
    ::kill(::getpid(), SIGKILL);
  }
#endif
}

} // namespace gpujob
