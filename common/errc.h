// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string_view>

/// How a kind of failure is written where programs read it.
namespace gpujob {

/// "usage", "refused", "not_found", "io", "bad_data", "protocol", "unreachable": what every JSON
/// error of ours carries as "errc".
std::string_view errc_text(Errc code);
/// An unknown word is `refused`.
Errc errc_from_text(std::string_view text);

/// The number that stands beside the word in a JSON-RPC error.
int rpc_number(Errc code);

} // namespace gpujob
