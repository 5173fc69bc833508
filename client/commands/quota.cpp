// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/session.h"
#include "common/clock.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const QuotaOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  auto answer = connection->call("quota", nlohmann::json::object());
  if (!answer) {
    return answer.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(*answer));
    return 0;
  }
  auto view = read_session_view(*answer);
  if (!view) {
    return view.error();
  }
  auto text = render_session(*view, read_clocks().wall);
  if (options.explain) {
    text += explain_session(*view);
  }
  GPUJOB_TRY(print(text));
  return 0;
}

} // namespace gpujob::client
