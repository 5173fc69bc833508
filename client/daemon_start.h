// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/connection.h"
#include "client/endpoint.h"
#include "common/result.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// A connection, and whether the daemon behind it was started for it.
struct Reached {
  Connection connection;
  bool started = false;
};

/// Connects to the daemon and starts one when none runs; says so on stderr. `arguments` go to a
/// daemon that is started. Two clients doing this at once meet at the same daemon.
Result<Reached> reach_or_start(const Endpoint& endpoint, const std::vector<std::string>& arguments);

/// The usual way: locate, reach or start, without settings.
Result<Connection> reach_daemon();

/// Locates it and connects; Errc::unreachable "daemon: not running" when none runs.
Result<Connection> reach_running_daemon();

} // namespace gpujob::client
