// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/slices.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

Result<int> execute(const RmOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  auto removed = nlohmann::json::array();
  for (const auto& jobs : slices(options.jobs)) {
    auto answer = connection->call("rm", {{"jobs", jobs}});
    if (!answer) {
      return answer.error();
    }
    for (const auto& job : answer->value("jobs", nlohmann::json::array())) {
      removed.push_back(job);
    }
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(removed)}}));
    return 0;
  }
  for (const auto& job : removed) {
    json::Reader reader(job, "daemon: rm");
    note(fmt::format("removed {} ({}){}", reader.text_or("name", "?"), reader.text_or("id", "?"),
                     reader.boolean_or("durable", false)
                         ? " here; in the durable directory it stays, for other sessions to go on "
                           "from"
                         : ""));
  }
  return 0;
}

} // namespace gpujob::client
