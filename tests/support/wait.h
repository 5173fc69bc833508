// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <poll.h>

namespace gpujob::test {

/// Polls until `condition` holds; false when it never did within `limit`. The limit is generous: it
/// is only ever reached by a failing test.
inline bool wait_until(const std::function<bool()>& condition,
                       std::chrono::seconds limit = std::chrono::seconds{60}) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    ::poll(nullptr, 0, 5);
  }
  return true;
}

} // namespace gpujob::test
