// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::test {

/// Why `document` does not meet `schema` (JSON Schema draft 7), one line per reason; empty when it
/// does. "$ref": "other.schema.json#/..." finds the embedded protocol schema of that name.
std::string why_invalid(const nlohmann::json& schema, const nlohmann::json& document);

} // namespace gpujob::test
