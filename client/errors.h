// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace gpujob::client {

/// The wire's word for a kind of failure ("refused"), both ways; an unknown word is `refused`.
std::string_view errc_text(Errc code);
Errc errc_from_text(std::string_view text);

/// The number that stands beside the word in a JSON-RPC error.
int wire_number(Errc code);

/// 1 refused or failed, 2 usage, 3 daemon unreachable, 4 protocol version mismatch.
int exit_code(Errc code);

} // namespace gpujob::client
