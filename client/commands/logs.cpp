// SPDX-License-Identifier: Apache-2.0
#include "client/attached.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::client {

namespace {

/// What is there now, without waiting for more.
Result<int> print_log(const std::string& path, const std::string& job, bool live) {
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) {
    auto text = fmt::format("{} has no output yet", job);
    if (!path.empty()) {
      text = live ? fmt::format("{}, or {} was removed", text, path)
                  : fmt::format("no output of {} is here: there was none, or it stayed in the VM "
                                "that it ran in",
                                job);
    }
    note(text);
    return 0;
  }
  auto copied = LogFollower(path, LogFollower::From::start, -1).copy();
  return copied ? Result<int>(0) : Result<int>(copied.error());
}

Result<int> follow_log(Connection connection, const std::string& job) {
  auto watcher = Watcher::start(std::move(connection), job);
  if (!watcher) {
    return watcher.error();
  }
  auto end = stay_attached(*watcher, watcher->view(), LogFollower::From::start);
  return end ? Result<int>(0) : Result<int>(end.error());
}

} // namespace

Result<int> execute(const LogsOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  nlohmann::json params{{"job", options.job}};
  if (options.attempt) {
    params["attempt"] = *options.attempt;
  }
  auto answer = connection->call("logs", params);
  if (!answer) {
    return answer.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json(*answer));
    return 0;
  }
  json::Reader reader(*answer, "daemon: logs");
  const auto path = reader.find("path") == nullptr ? std::string{} : reader.bytes("path");
  const bool live = reader.boolean_or("live", false);
  if (!reader.ok()) {
    return reader.error();
  }
  if (options.path) {
    GPUJOB_TRY(print(path + "\n"));
    return 0;
  }
  // An attempt that is over by name gets no more output, whatever the job does now.
  const bool over = options.attempt && !live;
  return options.follow && !over ? follow_log(std::move(*connection), options.job)
                                 : print_log(path, options.job, live);
}

} // namespace gpujob::client
