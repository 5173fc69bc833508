// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// 64 KiB: the longest line either side of any of our sockets accepts, newline included.
constexpr std::size_t k_max_frame = 64 * 1024;

/// Cuts a byte stream into newline-terminated frames. Passive: the owner reads the descriptor.
class FrameReader {
public:
  /// False when a frame grew past k_max_frame; the peer must then be dropped.
  [[nodiscard]] bool feed(std::string_view bytes);
  /// The next whole frame, without its newline.
  std::optional<std::string> next();
  /// Bytes of a frame whose end has not come.
  [[nodiscard]] std::size_t pending() const { return m_buffer.size() - m_start; }

private:
  std::string m_buffer;
  std::size_t m_start = 0;
};

} // namespace gpujob
