// SPDX-License-Identifier: Apache-2.0
#include "common/environment.h"

namespace gpujob {

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (std::string_view entry : environment) {
    if (name_of(entry) == name && entry.size() > name.size()) {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

} // namespace gpujob
