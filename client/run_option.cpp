// SPDX-License-Identifier: Apache-2.0
#include "client/run_option.h"

#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::client {

Error bad_option(std::string_view option, std::string_view value, const std::string& why) {
  constexpr std::size_t k_shown = 100;
  return Error{Errc::usage,
               fmt::format("run: {} {}: {}", option, printable(value.substr(0, k_shown)), why)};
}

} // namespace gpujob::client
