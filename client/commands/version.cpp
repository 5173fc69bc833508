// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/connection.h"
#include "client/output.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const VersionOptions& options) {
  GPUJOB_TRY(options.json ? print_json({{"version", GPUJOB_VERSION}, {"protocol", k_protocol}})
                          : print("gpujob " GPUJOB_VERSION "\n"));
  return 0;
}

} // namespace gpujob::client
