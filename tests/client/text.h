// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/text.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace gpujob::client {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Characters, not bytes, of the longest line.
inline std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (const auto& line : split(text, '\n')) {
    const auto starts = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    most = std::max(most, static_cast<std::size_t>(starts));
  }
  return most;
}

} // namespace gpujob::client
