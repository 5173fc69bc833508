// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "common/result.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace gpujob::client {

/// Calls a method whose answer comes in pages until there are no more; `take` is given each, and
/// its error ends it. Pages that do not end are an error.
Result<void> each_page(Connection& connection, std::string_view method, nlohmann::json params,
                       const std::function<Result<void>(nlohmann::json)>& take);

} // namespace gpujob::client
