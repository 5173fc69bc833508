// SPDX-License-Identifier: Apache-2.0
#include "common/memory.h"

#include "common/clock.h"

#include <new>
#include <poll.h>

namespace gpujob {

namespace {

constexpr int k_pause_ms = 10;
/// A new-handler takes no arguments.
Duration g_patience{};

void on_exhausted() {
  static BootTime last{};
  static BootTime since{};
  const auto now = read_clocks().boot;
  if (now - last > std::chrono::seconds{1}) {
    since = now; // not the same shortage
  }
  last = now;
  if (now - since > g_patience) {
    throw std::bad_alloc();
  }
  ::poll(nullptr, 0, k_pause_ms);
}

} // namespace

void wait_for_memory(Duration patience) {
  g_patience = patience;
  std::set_new_handler(&on_exhausted);
}

} // namespace gpujob
