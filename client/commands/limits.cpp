// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/session.h"
#include "common/clock.h"

#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

Result<int> show(const nlohmann::json& answer, bool json) {
  if (json) {
    GPUJOB_TRY(print_json(answer));
    return 0;
  }
  const auto view = read_session_view(answer);
  if (!view) {
    return view.error();
  }
  GPUJOB_TRY(print(render_limits(*view, read_clocks().wall)));
  return 0;
}

} // namespace

Result<int> execute(const LimitsOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto answer = connection->call("quota", nlohmann::json::object());
  return answer ? show(*answer, options.json) : answer.error();
}

Result<int> execute(const LimitsSetOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  nlohmann::json values = nlohmann::json::object();
  for (const auto& [key, value] : options.values) {
    values[key] = value;
  }
  const auto answer = connection->call("limits.set", {{"values", std::move(values)}});
  return answer ? show(*answer, options.json) : answer.error();
}

} // namespace gpujob::client
