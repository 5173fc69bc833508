// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/endpoint.h"
#include "common/result.h"

#include <string>
#include <vector>

namespace gpujob::client {

/// A daemon that listens.
struct SpawnedDaemon {
  int pid = 0;
  std::vector<std::string> notes; ///< what the user should know of its start
};

/// A program of ours beside this one, else on PATH. `what_for` begins the error.
Result<std::string> find_own_program(const std::string& name, const std::string& what_for,
                                     const std::vector<std::string>& environment);

/// gpujobd, likewise.
Result<std::string> find_gpujobd(const std::vector<std::string>& environment);

/// What the daemon writes when it listens, or its own error when it cannot.
Result<SpawnedDaemon> parse_ready_line(const std::string& line);

/// Starts `gpujobd --background ARGUMENTS...`, found beside this program or on PATH, in a session
/// of its own, and waits until it listens; or the error it gave: Errc::refused also when another
/// daemon holds the lock.
Result<SpawnedDaemon> spawn_daemon(const Endpoint& endpoint,
                                   const std::vector<std::string>& arguments);

} // namespace gpujob::client
