// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace gpujob::client {

/// A line for people on stderr, "gpujob: " before it and no control byte in it.
void note(std::string_view text);

/// Text for stdout, which must be printable already. An error when it cannot be written.
Result<void> print(std::string_view text);

/// One JSON document on stdout.
Result<void> print_json(const nlohmann::json& document);

/// Says what went wrong: on stderr, and with --json on stdout too. Returns the exit code.
int report(const Error& error, bool json);

} // namespace gpujob::client
