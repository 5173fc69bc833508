// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/pace.h"

#include <algorithm>

namespace gpujob::gpu {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_fast = 1s, k_slow = 10s;
/// So many quiet looks before it is believed: a training pauses for its validation, too.
constexpr int k_quiet_enough = 10;
/// A driver may appear, and costs nobody anything until then.
constexpr Duration k_seldom = 10min;
constexpr Duration k_first_retry = 10s, k_last_retry = 10min;
constexpr int k_most_doublings = 10;

} // namespace

Duration Pace::after(Found found) {
  m_failures = found == Found::failure ? std::min(m_failures + 1, k_most_doublings) : 0;
  m_quiet = found == Found::quiet ? std::min(m_quiet + 1, k_quiet_enough) : 0;
  switch (found) {
  case Found::change:
    m_current = k_fast;
    break;
  case Found::quiet:
    m_current = m_quiet < k_quiet_enough ? k_fast : k_slow;
    break;
  case Found::nothing:
    m_current = k_seldom;
    break;
  case Found::failure:
    m_current = std::min(k_first_retry * (1 << (m_failures - 1)), k_last_retry);
    break;
  }
  return m_current;
}

} // namespace gpujob::gpu
