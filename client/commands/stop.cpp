// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/job.h"
#include "client/slices.h"
#include "client/watcher.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using json::Json;

/// What the daemon named of the jobs it stops, and how many more there are.
struct Stopped {
  Json jobs = Json::array();
  std::int64_t more = 0;
};

Result<void> ask(Connection& connection, const Json& params, Stopped& out) {
  const auto answer = connection.call("stop", params);
  if (!answer) {
    return answer.error();
  }
  json::Reader reader(*answer, "daemon: stop");
  const auto* jobs = reader.find("jobs");
  out.more += reader.integer_or("more", 0);
  if (jobs == nullptr || !jobs->is_array() || !reader.ok()) {
    return Error{Errc::bad_data, "daemon: stop: answers without jobs"};
  }
  out.jobs.insert(out.jobs.end(), jobs->begin(), jobs->end());
  return {};
}

Result<Stopped> ask(Connection& connection, const StopOptions& options) {
  Stopped out;
  if (options.all) {
    GPUJOB_TRY(ask(connection, {{"now", options.now}, {"all", true}}, out));
  }
  for (const auto& jobs : slices(options.jobs)) {
    GPUJOB_TRY(ask(connection, {{"now", options.now}, {"jobs", jobs}}, out));
  }
  return out;
}

/// Waits for the end of one job and writes what became of it into `job`. False when a signal came.
Result<bool> wait_for_end(Json& job, Interrupts& interrupts) {
  json::Reader reader(job, "daemon: stop");
  const auto id = reader.text("id");
  if (!reader.ok()) {
    return reader.error();
  }
  auto connection = reach_daemon();
  auto watcher =
      connection ? Watcher::start(std::move(*connection), id) : Result<Watcher>(connection.error());
  if (!watcher) {
    return watcher.error();
  }
  auto ended = watch_until(*watcher, interrupts, [](const JobView& v) { return v.settled(); });
  if (ended && *ended) {
    const auto& view = watcher->view();
    note(how_it_ended(view));
    job["state"] = view.state;
    job["run_exit"] = view.run_exit ? Json(*view.run_exit) : Json(nullptr);
  }
  return ended;
}

void tell(const Stopped& stopped) {
  for (const auto& job : stopped.jobs) {
    json::Reader reader(job, "daemon: stop");
    const auto name = reader.text_or("name", "");
    const auto said = reader.text_or("note", "");
    note(fmt::format("{}: {}", name, said.empty() ? reader.text_or("state", "") : said));
  }
  if (stopped.more > 0) {
    note(fmt::format("and {} more: gpujob ps --all", stopped.more));
  }
  if (stopped.jobs.empty()) {
    note("nothing to stop");
  }
}

/// False when a signal ended the wait.
Result<bool> wait_for_ends(Json& jobs, Interrupts& interrupts) {
  for (auto& job : jobs) {
    auto ended = wait_for_end(job, interrupts);
    if (!ended || !*ended) {
      return ended;
    }
  }
  return true;
}

/// All that were named, and then those that there was no room to name.
Result<bool> wait_for_rest(const StopOptions& options, Stopped& stopped, Interrupts& interrupts) {
  auto ended = wait_for_ends(stopped.jobs, interrupts);
  for (auto more = stopped.more; options.all && more > 0 && ended && *ended;) {
    auto connection = reach_daemon();
    auto rest = connection ? ask(*connection, options) : Result<Stopped>(connection.error());
    if (!rest) {
      return rest.error();
    }
    more = rest->more;
    ended = wait_for_ends(rest->jobs, interrupts);
    stopped.jobs.insert(stopped.jobs.end(), rest->jobs.begin(), rest->jobs.end());
  }
  return ended;
}

} // namespace

Result<int> execute(const StopOptions& options) {
  if (options.all == !options.jobs.empty()) {
    return Error{Errc::usage, options.all ? "stop: --all: given with names: use one of the two"
                                          : "stop: JOB: missing: name jobs, or give --all"};
  }
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  auto stopped = ask(*connection, options);
  if (!stopped) {
    return stopped.error();
  }
  tell(*stopped);
  Interrupts interrupts;
  const auto ended = options.wait ? wait_for_rest(options, *stopped, interrupts) : true;
  if (!ended) {
    return ended.error();
  }
  if (!*ended) {
    note("not waiting any more; they end all the same: gpujob ps");
    return k_interrupted_exit;
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(stopped->jobs)}, {"more", stopped->more}}));
  }
  return 0;
}

} // namespace gpujob::client
