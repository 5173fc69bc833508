// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/profile.h"
#include "daemon/platform/said.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// What a person says of a quota, read by what the platform's profile knows.
namespace gpujob::platform {

struct Listener {
  const Profile* profile = nullptr;
  std::string_view variant, plan;
};

/// Whether such an entry is to be passed over: it says `if_known`, and nothing of that name is
/// here.
bool is_passed_over(const nlohmann::json& entry, const Listener& listener);

/// One entry of `quota.say` (ARCHITECTURE.md): "add" is use that happened elsewhere, or hours that
/// were given; "set" is what the platform shows as left. Errc::usage names the entry, and what this
/// platform has to speak of. `id` is the new saying's own.
Result<Said> read_saying(const nlohmann::json& entry, const Listener& listener, std::string id,
                         std::string by, Now now);

} // namespace gpujob::platform
