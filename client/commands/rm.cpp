// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/slices.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

Result<void> remove(const std::vector<std::string>& names, nlohmann::json& removed) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  for (const auto& jobs : slices(names)) {
    auto answer = connection->call("rm", {{"jobs", jobs}});
    if (!answer) {
      return answer.error();
    }
    for (const auto& job : answer->value("jobs", nlohmann::json::array())) {
      removed.push_back(job);
    }
  }
  return {};
}

void tell(const nlohmann::json& removed) {
  for (const auto& job : removed) {
    json::Reader reader(job, "daemon: rm");
    note(fmt::format("removed {} ({}){}", reader.text_or("name", "?"), reader.text_or("id", "?"),
                     reader.boolean_or("durable", false)
                         ? " here; in the durable directory it stays, for other sessions to go on "
                           "from"
                         : ""));
  }
}

} // namespace

Result<int> execute(const RmOptions& options) {
  auto removed = nlohmann::json::array();
  const auto done = remove(options.jobs, removed);
  if (!options.json) {
    tell(removed); // those of the requests before one that failed, too
  }
  if (!done) {
    return done.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(removed)}}));
  }
  return 0;
}

} // namespace gpujob::client
