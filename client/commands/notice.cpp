// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/session.h"
#include "common/clock.h"
#include "common/duration.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const NoticeOptions& options) {
  nlohmann::json params = nlohmann::json::object();
  if (!options.in.empty()) {
    const auto in = parse_duration(options.in, "--in");
    if (!in) {
      return in.error();
    }
    params["in_s"] = to_seconds(*in);
  }
  if (options.cancel) {
    params["cancel"] = true;
  }
  if (!options.text.empty()) {
    params["text"] = options.text;
  }
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto answer = connection->call("notice", params);
  if (!answer) {
    return answer.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(*answer));
    return 0;
  }
  const auto view = read_session_view(*answer);
  if (!view) {
    return view.error();
  }
  GPUJOB_TRY(print(render_session(*view, read_clocks().wall)));
  return 0;
}

} // namespace gpujob::client
