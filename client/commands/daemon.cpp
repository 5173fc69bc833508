// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/output.h"
#include "client/render/table.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <poll.h>

namespace gpujob::client {

using json::Json;

namespace {

/// It closes its files and says goodbye to the durable directory.
constexpr auto k_stop_timeout = std::chrono::seconds{10};

Result<Json> ask(Result<Connection>& connection, std::string_view method) {
  return connection ? connection->call(method, Json::object()) : Result<Json>(connection.error());
}

/// Until the daemon has closed the connection: a start that follows must not meet the old one.
void wait_until_gone(Connection& connection) {
  const auto deadline = read_clocks().boot + k_stop_timeout;
  while (read_clocks().boot < deadline) {
    pollfd entry{connection.fd(), POLLIN, 0};
    ::poll(&entry, 1, 100);
    if (connection.readable() && !connection.receive()) {
      return;
    }
  }
}

/// "2 running, 1 parked".
std::string counts(const Json& jobs) {
  std::vector<std::string> parts;
  for (const auto& [state, count] : jobs.items()) {
    if (count.is_number_integer() && count != Json(0)) {
      parts.push_back(fmt::format("{} {}", json::dump(count), state));
    }
  }
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string render_status(const Json& status) {
  json::Reader r(status, "daemon: status");
  const auto text = [&](const char* key) {
    const auto* value = r.find(key);
    return value == nullptr     ? std::string{}
           : value->is_string() ? value->get<std::string>()
                                : json::dump(*value);
  };
  FactSheet sheet;
  sheet.add("daemon", fmt::format("running, pid {}, version {}", text("pid"), text("version")));
  const auto uptime = r.maybe_number("uptime_s").value_or(0);
  sheet.add("up for", format_seconds(uptime));
  sheet.add("socket", text("socket"));
  sheet.add("state", text("state_dir"));
  sheet.add("durable", text("durable"));
  const auto* jobs = r.find("jobs");
  sheet.add("jobs", jobs == nullptr ? "" : counts(*jobs));
  if (!text("trouble").empty()) {
    sheet.add("trouble", text("trouble"));
  }
  return sheet.text();
}

/// The first of `wanted` (flag, value, ...) that the running daemon was not given; empty: none.
std::string not_given(const std::vector<std::string>& wanted, const Json& status) {
  json::Reader reader(status, "daemon: status");
  const auto given =
      reader.find("given") == nullptr ? std::vector<std::string>{} : reader.bytes_list("given");
  for (std::size_t i = 0; i + 1 < wanted.size(); i += 2) {
    bool same = false;
    for (std::size_t k = 0; k + 1 < given.size(); k += 2) {
      same = same || (given[k] == wanted[i] && given[k + 1] == wanted[i + 1]);
    }
    if (!same) {
      return wanted[i] + " " + wanted[i + 1];
    }
  }
  return {};
}

/// The same line said again is fine: a notebook's cell is run again.
Result<void> check_given(Connection& connection, const std::vector<std::string>& wanted) {
  const auto status = connection.call("daemon.status", Json::object());
  if (!status) {
    return status.error();
  }
  const auto differs = not_given(wanted, *status);
  if (differs.empty()) {
    return {};
  }
  return Error{Errc::refused,
               fmt::format("daemon: start: {}: one runs already (pid {}) that was not given this: "
                           "gpujob daemon stop, then the same line; jobs run on",
                           differs, connection.daemon_pid())};
}

} // namespace

Result<int> execute(const DaemonStartOptions& options) {
  const auto endpoint = locate_daemon(own_environment(), options.runtime);
  if (!endpoint) {
    return endpoint.error();
  }
  auto arguments = options.settings;
  if (!options.state.empty()) {
    arguments.insert(arguments.end(), {"--state", options.state});
  }
  auto reached = reach_or_start(*endpoint, arguments);
  if (!reached) {
    return reached.error();
  }
  const int pid = reached->connection.daemon_pid();
  if (!reached->started) {
    GPUJOB_TRY(check_given(reached->connection, arguments));
    note(fmt::format("the daemon runs already (pid {}){}", pid,
                     arguments.empty() ? "" : " with these settings"));
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"started", reached->started},
                           {"pid", pid},
                           {"version", reached->connection.daemon_version()},
                           {"socket", endpoint->runtime.socket()}}));
  }
  return 0;
}

Result<int> execute(const DaemonStopOptions& options) {
  auto connection = reach_running_daemon();
  auto answer = ask(connection, "daemon.stop");
  if (!answer) {
    return answer.error();
  }
  wait_until_gone(*connection);
  json::Reader reader(*answer, "daemon: stop");
  const auto running = reader.texts_or_empty("running");
  note("the daemon has stopped");
  if (!running.empty()) {
    const auto more = reader.integer_or("more", 0);
    note(fmt::format("still running: {}{}; they go on, and the next daemon takes them up again",
                     fmt::join(running, ", "), more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  if (options.json) {
    GPUJOB_TRY(print_json(*answer));
  }
  return 0;
}

Result<int> execute(const DaemonStatusOptions& options) {
  auto connection = reach_running_daemon();
  auto answer = ask(connection, "daemon.status");
  if (!answer) {
    return answer.error();
  }
  GPUJOB_TRY(options.json ? print_json(*answer) : print(render_status(*answer)));
  return 0;
}

} // namespace gpujob::client
