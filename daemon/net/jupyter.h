// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/result.h"
#include "common/time.h"

#include <optional>
#include <string>
#include <vector>

/// Jupyter servers of this machine, and what they say of activity (jupyter_server's REST API).
namespace gpujob::net {

struct JupyterServer {
  std::string found; ///< the runtime file, or whoever named it
  std::string url;   ///< its base, with a slash at the end
  std::string unix_socket, token;
  bool any_certificate = false;
};

/// Those whose runtime files (jpserver-PID.json, nbserver-PID.json) lie in one of the directories,
/// and whose process lives. A file that is none of Jupyter's is passed over.
std::vector<JupyterServer> find_servers(const std::vector<std::string>& runtime_dirs);

/// One server's kernels and terminals.
struct Seen {
  int kernels = 0, busy_kernels = 0, connections = 0, terminals = 0;
  std::optional<WallTime> kernel_last, terminal_last;
};

/// Asked so that the asking is no activity (no_track_activity): we watch, we keep nothing alive.
Result<Seen> look(const JupyterServer& server, Duration deadline);

/// Reads the answers to /api/kernels and /api/terminals.
Result<void> read_kernels(const json::Json& answer, Seen& seen);
Result<void> read_terminals(const json::Json& answer, Seen& seen);

} // namespace gpujob::net
