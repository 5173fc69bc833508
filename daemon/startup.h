// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/app.h"
#include "daemon/options.h"

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

namespace gpujob {

/// How the start went.
struct Startup {
  std::unique_ptr<App> app;       ///< null with `quiet`
  std::vector<std::string> notes; ///< what whoever started it should know
  bool quiet = false;             ///< --revive, and the user has stopped the daemon: nothing to do
};

/// From options to a listening daemon. An error leaves nothing behind and says what to do. Blocks:
/// nobody is served before the durable directory has been read, so that `run --name X` never starts
/// from the beginning what another session left half done.
Result<Startup> start_up(boost::asio::io_context& io, const Options& options);

} // namespace gpujob
