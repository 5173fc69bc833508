// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/idle.h"

#include <algorithm>

namespace gpujob::limits {

namespace {

bool is_active(const Sighting& s, const Counting& c) {
  return (c.kernel && s.busy_kernels > 0) || (c.frontend && s.connections > 0);
}

std::optional<WallTime> last_of(const Sighting& s, const Counting& c) {
  std::optional<WallTime> last;
  if (c.kernel) {
    last = s.kernel_last;
  }
  if (c.terminal && s.terminal_last) {
    last = std::max(last.value_or(*s.terminal_last), *s.terminal_last);
  }
  return last;
}

} // namespace

void IdleWatch::look(const Sighting& seen, const Counting& counts, BootTime began, Duration usual,
                     Now now) {
  const auto last = last_of(seen, counts);
  const auto ago = last ? std::max(now.wall - *last, Duration::zero()) : Duration::max();
  const auto back_to = [&](BootTime floor) {
    return ago < now.boot - floor ? now.boot - ago : floor;
  };
  if (is_active(seen, counts)) {
    m_active = now.boot;
  } else if (!m_active) {
    m_active = back_to(began);
  } else {
    const auto unobserved = std::max(now.boot - *m_looked - 2 * usual, Duration::zero());
    m_active = std::min(*m_active + unobserved, now.boot);
    if (last && (!m_last || *last > *m_last)) {
      m_active = std::max(*m_active, back_to(*m_looked));
    }
  }
  m_looked = now.boot;
  m_last = last;
}

std::optional<BootTime> next_idle_end(BootTime active, const std::vector<Duration>& caps,
                                      BootTime now) {
  std::optional<BootTime> next;
  for (const auto cap : caps) {
    const auto at = active + cap;
    if (at > now && (!next || at < *next)) {
      next = at;
    }
  }
  return next;
}

} // namespace gpujob::limits
