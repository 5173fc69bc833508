// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/job.h"
#include "client/watcher.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using Json = nlohmann::json;

Result<Json> ask(Connection& connection, const StopOptions& options) {
  Json params{{"now", options.now}};
  if (options.all) {
    params["all"] = true;
  } else {
    params["jobs"] = options.jobs;
  }
  auto answer = connection.call("stop", params);
  if (!answer) {
    return answer.error();
  }
  const auto jobs = answer->find("jobs");
  return jobs != answer->end() && jobs->is_array()
             ? Result<Json>(std::move(*jobs))
             : Result<Json>(Error{Errc::bad_data, "daemon: stop: answers without jobs"});
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

void tell(const Json& jobs) {
  for (const auto& job : jobs) {
    json::Reader reader(job, "daemon: stop");
    const auto name = reader.text_or("name", "");
    const auto said = reader.text_or("note", "");
    note(fmt::format("{}: {}", name, said.empty() ? reader.text_or("state", "") : said));
  }
  if (jobs.empty()) {
    note("nothing to stop");
  }
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
  auto jobs = ask(*connection, options);
  if (!jobs) {
    return jobs.error();
  }
  tell(*jobs);
  Interrupts interrupts;
  for (auto& job : *jobs) {
    auto ended = options.wait ? wait_for_end(job, interrupts) : Result<bool>(true);
    if (!ended) {
      return ended.error();
    }
    if (!*ended) {
      note("not waiting any more; they end all the same: gpujob ps");
      return k_interrupted_exit;
    }
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(*jobs)}}));
  }
  return 0;
}

} // namespace gpujob::client
