// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable_requests.h"
#include "daemon/platform/settings.h"

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

namespace gpujob {

/// The durable directory as a daemon finds it when it starts.
struct DurableStart {
  durable_requests::Place place;
  std::string state; ///< for quota: its level, or why there is none
  durable_requests::Scanned scanned;
  std::vector<std::string> notes; ///< for whoever starts the daemon
};

/// Opens and reads it, running the loop meanwhile. One that the user named must work, or nothing
/// starts; one that a profile offers may be missing. With `revive` jobs are running, so that an
/// unreachable one is used all the same: copies are tried again until it is back. One within
/// `own_dirs` would go with them: as if it were missing. The spools of rclone remotes lie below
/// `spools`.
Result<DurableStart> open_durable(boost::asio::io_context& io, const std::string& daemon_exe,
                                  const platform::SessionSettings& settings,
                                  const std::vector<std::string>& own_dirs,
                                  const std::string& spools, bool revive);

} // namespace gpujob
