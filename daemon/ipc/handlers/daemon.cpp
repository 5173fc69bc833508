// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "daemon/ipc/view.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_daemon_status(Backend& backend, Request request) {
  request.reply(backend.status_view());
}

void handle_daemon_stop(Backend& backend, Request request) {
  auto running = nlohmann::json::array();
  std::size_t more = 0;
  for (const auto& [id, job] : backend.world().jobs) {
    if (std::holds_alternative<policy::Running>(job.state) ||
        std::holds_alternative<policy::Starting>(job.state)) {
      if (running.size() < k_max_named) {
        running.push_back(job.spec.name);
      } else {
        ++more;
      }
    }
  }
  if (auto stopped = backend.stop_daemon(); !stopped) {
    request.fail(stopped.error());
    return;
  }
  request.reply({{"running", std::move(running)}, {"more", more}});
}

} // namespace gpujob::ipc
