// SPDX-License-Identifier: Apache-2.0
#include "common/remote_name.h"

#include <algorithm>
#include <cctype>

namespace gpujob {

namespace {

/// rclone's own rule for names in its configuration, ASCII only, and nothing that reads as a flag.
bool is_name(std::string_view name) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+' || c == '@' ||
           c == ' ';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits) && name.front() != '-' &&
         name.front() != ' ' && name.back() != ' ';
}

} // namespace

std::optional<std::string> remote_of(std::string_view durable) {
  if (!durable.starts_with(k_rclone_prefix)) {
    return std::nullopt;
  }
  auto name = durable.substr(k_rclone_prefix.size());
  while (name.ends_with('/')) {
    name.remove_suffix(1);
  }
  const auto colon = name.find(':');
  if (colon == std::string_view::npos || !is_name(name.substr(0, colon)) ||
      colon + 1 == name.size() || name.find_first_of(std::string_view("\n\0", 2)) != name.npos) {
    return std::nullopt;
  }
  return std::string(name);
}

} // namespace gpujob
