// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/keys.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace gpujob::platform {

Result<void> check_keys(const nlohmann::json& object, std::span<const std::string_view> known,
                        std::string_view what) {
  if (!object.is_object()) {
    return {};
  }
  for (const auto& member : object.items()) {
    if (std::find(known.begin(), known.end(), member.key()) == known.end()) {
      return Error{Errc::bad_data, fmt::format("{}: {}: is not a known key: use one of {}", what,
                                               printable(member.key()), fmt::join(known, ", "))};
    }
  }
  return {};
}

} // namespace gpujob::platform
