// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace gpujob::json {

/// The words of an error that another program tells: `document[key]`, or `otherwise` where that is
/// no text or an empty one.
inline std::string error_words(const Json& document, const char* key, std::string otherwise) {
  const auto* said = document.is_object() && document.contains(key)
                         ? document[key].get_ptr<const std::string*>()
                         : nullptr;
  return said == nullptr || said->empty() ? std::move(otherwise) : *said;
}

} // namespace gpujob::json
