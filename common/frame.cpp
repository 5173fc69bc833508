// SPDX-License-Identifier: Apache-2.0
#include "common/frame.h"

namespace gpujob {

bool FrameReader::feed(std::string_view bytes) {
  if (m_start > 0) {
    m_buffer.erase(0, m_start);
    m_start = 0;
  }
  m_buffer.append(bytes);
  // Every frame in the buffer must end within the cap, counted from its own start.
  std::size_t start = 0;
  for (;;) {
    const auto end = m_buffer.find('\n', start);
    if (end == std::string::npos) {
      return m_buffer.size() - start < k_max_frame;
    }
    if (end - start >= k_max_frame) {
      return false;
    }
    start = end + 1;
  }
}

std::optional<std::string> FrameReader::next() {
  const auto end = m_buffer.find('\n', m_start);
  if (end == std::string::npos) {
    return std::nullopt;
  }
  auto frame = m_buffer.substr(m_start, end - m_start);
  m_start = end + 1;
  return frame;
}

} // namespace gpujob
