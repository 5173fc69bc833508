// SPDX-License-Identifier: Apache-2.0
#include "client/render/checkpoints.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const CheckpointsOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  auto answer = connection->call("show", {{"job", options.job}});
  if (!answer) {
    return answer.error();
  }
  auto view = read_job_view(*answer);
  if (!view) {
    return view.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(
        {{"job", view->id}, {"name", view->name}, {"checkpoints", answer->at("checkpoints")}}));
  } else if (view->checkpoints.empty()) {
    note(fmt::format("{} has no checkpoint; gpujob checkpoint {} asks for one", view->name,
                     view->name));
  } else {
    GPUJOB_TRY(print(render_checkpoints(*view)));
  }
  return 0;
}

} // namespace gpujob::client
