// SPDX-License-Identifier: Apache-2.0
#include "client/attached.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const AttachOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  auto watcher = Watcher::start(std::move(*connection), options.job);
  if (!watcher) {
    return watcher.error();
  }
  auto end = options.json ? stay_quiet(*watcher)
                          : stay_attached(*watcher, watcher->view(), LogFollower::From::tail);
  if (!end) {
    return end.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(nlohmann::json::parse(end->view.raw)));
  }
  return end->exit.value_or(0);
}

} // namespace gpujob::client
