// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

namespace gpujob::platform {

/// Errc::bad_data for a member of `object` that is not among `known`; what is no object passes, for
/// json::Reader to refuse. `what` names the object.
Result<void> check_keys(const nlohmann::json& object, std::span<const std::string_view> known,
                        std::string_view what);
inline Result<void> check_keys(const nlohmann::json& object,
                               std::initializer_list<std::string_view> known,
                               std::string_view what) {
  return check_keys(object, std::span(known.begin(), known.size()), what);
}

} // namespace gpujob::platform
