// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>

namespace gpujob::net {

/// A server on this machine only, of one page: /metrics, to whoever knows the token.
struct ServePlan {
  std::string address;     ///< of the loopback interface; nothing else is listened on
  unsigned short port = 0; ///< 0: any that is free
  std::string token;       ///< "Authorization: Bearer TOKEN"; not empty
  std::string program;     ///< what prints the page: `PROGRAM metrics`, run at every question
};

/// Serves until SIGINT or SIGTERM, then returns. Once it listens it says where, one line on
/// stdout. Errors: the address is not ours to listen on, the port is taken.
Result<void> serve(const ServePlan& plan);

} // namespace gpujob::net
