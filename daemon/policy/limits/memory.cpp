// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/memory.h"

#include <algorithm>

namespace gpujob::limits {

using namespace std::chrono_literals;

namespace {

constexpr Duration k_window = 60s;
/// A pace that was seen for less is none.
constexpr Duration k_least_window = 8s;

} // namespace

void MemoryWatch::look(std::int64_t used_bytes, std::int64_t limit_bytes, BootTime now) {
  m_limit = limit_bytes;
  m_looks.push_back({now, used_bytes});
  while (now - m_looks.front().at > k_window) {
    m_looks.pop_front();
  }
}

std::optional<Duration> MemoryWatch::until_full() const {
  if (m_looks.size() < 2) {
    return std::nullopt;
  }
  const auto& first = m_looks.front();
  const auto& last = m_looks.back();
  const auto span = last.at - first.at;
  const auto grown = last.used - first.used;
  if (span < k_least_window || grown <= 0) {
    return std::nullopt;
  }
  const auto left = static_cast<double>(m_limit - last.used);
  const auto seconds = left / static_cast<double>(grown) * static_cast<double>(span / 1ns) / 1e9;
  constexpr double k_most_s = 366.0 * 86400;
  return seconds >= k_most_s
             ? std::nullopt
             : std::optional(Duration{static_cast<std::int64_t>(std::max(seconds, 0.0) * 1e9)});
}

bool MemoryWatch::comes_near(Duration lead) {
  if (m_looks.empty() || m_limit <= 0) {
    return false;
  }
  const auto used = m_looks.back().used;
  const auto left = until_full();
  if (m_near) {
    m_near = used >= m_limit / 10 * 8 || (left && *left <= 2 * lead);
    return false;
  }
  // What is still half empty may grow fast for a moment: data is being loaded.
  m_near = left && used >= m_limit / 2 && (*left <= lead || used >= m_limit / 10 * 9);
  return m_near;
}

} // namespace gpujob::limits
