// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/job.h"
#include "common/clock.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const ShowOptions& options) {
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
  GPUJOB_TRY(options.json ? print_json(*answer) : print(render_job(*view, read_clocks().wall)));
  return 0;
}

} // namespace gpujob::client
