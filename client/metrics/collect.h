// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "common/result.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gpujob::client {

/// What the daemon says of itself now, as it says it. Null: it does not.
struct Observed {
  nlohmann::json status, session, gpu;
  std::vector<nlohmann::json> jobs; ///< full views of those that have not ended
  bool up = false;                  ///< a daemon answered
};

/// One connection, a few questions.
Result<Observed> observe(Connection& connection);

/// For `gpujob metrics`. Unknown numbers make no sample.
std::string metrics_text(const Observed& observed);

} // namespace gpujob::client
