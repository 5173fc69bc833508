// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace gpujob::client {

/// "run: OPTION VALUE: WHY"; Errc::usage. `why` says what to do, too.
Error bad_option(std::string_view option, std::string_view value, const std::string& why);

} // namespace gpujob::client
