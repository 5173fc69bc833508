// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace gpujob::client {

/// As many names as the daemon names in one answer (daemon/ipc/view.h).
constexpr std::size_t k_slice = 200;

inline std::vector<std::vector<std::string>> slices(const std::vector<std::string>& names) {
  std::vector<std::vector<std::string>> out;
  for (std::size_t at = 0; at < names.size(); at += k_slice) {
    const auto begin = names.begin() + static_cast<std::ptrdiff_t>(at);
    out.emplace_back(begin,
                     begin + static_cast<std::ptrdiff_t>(std::min(k_slice, names.size() - at)));
  }
  return out;
}

} // namespace gpujob::client
