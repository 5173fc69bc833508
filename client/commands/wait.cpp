// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/job.h"
#include "client/watcher.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

/// The job's last view; nullopt when a signal ended the wait.
Result<std::optional<JobView>> wait_for(const std::string& job, Interrupts& interrupts) {
  auto connection = reach_daemon();
  auto watcher = connection ? Watcher::start(std::move(*connection), job)
                            : Result<Watcher>(connection.error());
  if (!watcher) {
    return watcher.error();
  }
  auto ended = watch_until(*watcher, interrupts, [](const JobView& v) { return v.settled(); });
  if (!ended) {
    return ended.error();
  }
  return *ended ? std::optional(watcher->view()) : std::nullopt;
}

} // namespace

Result<int> execute(const WaitOptions& options) {
  Interrupts interrupts;
  auto documents = nlohmann::json::array();
  int largest = 0;
  // A typo is found now, not after hours.
  for (const auto& job : options.jobs) {
    auto connection = reach_daemon();
    auto known = connection ? connection->call("show", {{"job", job}})
                            : Result<nlohmann::json>(connection.error());
    if (!known) {
      return known.error();
    }
  }
  for (const auto& job : options.jobs) {
    auto view = wait_for(job, interrupts);
    if (!view) {
      return view.error();
    }
    if (!*view) {
      return k_interrupted_exit;
    }
    note(how_it_ended(**view));
    // A held job has no exit and will not get one by waiting.
    largest = std::max(largest, (*view)->run_exit.value_or(1));
    documents.push_back(nlohmann::json::parse((*view)->raw));
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(documents)}}));
  }
  return largest;
}

} // namespace gpujob::client
