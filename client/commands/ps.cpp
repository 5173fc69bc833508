// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/output.h"
#include "client/pages.h"
#include "client/render/job.h"
#include "common/clock.h"
#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

using json::Json;

/// All pages of the list, as one.
Result<Json> collect(Connection& connection, bool all, std::int64_t& more) {
  auto jobs = Json::array();
  GPUJOB_TRY(each_page(connection, "ps", {{"all", all}}, [&](const Json& page) -> Result<void> {
    json::Reader reader(page, "daemon: ps");
    const auto* list = reader.find("jobs");
    if (list == nullptr || !list->is_array()) {
      return Error{Errc::bad_data, "daemon: ps: answers without jobs"};
    }
    jobs.insert(jobs.end(), list->begin(), list->end());
    more = reader.integer_or("more", 0);
    return {};
  }));
  return jobs;
}

} // namespace

Result<int> execute(const PsOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  std::int64_t more = 0; // ended ones that are left out
  auto jobs = collect(*connection, options.all, more);
  if (!jobs) {
    return jobs.error();
  }
  if (options.json) {
    GPUJOB_TRY(print_json({{"jobs", std::move(*jobs)}}));
    return 0;
  }
  std::vector<JobView> views;
  for (const auto& job : *jobs) {
    auto view = read_job_view(job);
    if (!view) {
      return view.error();
    }
    views.push_back(std::move(*view));
  }
  if (views.empty()) {
    note(options.all ? "no jobs" : "no jobs now; gpujob ps --all shows those of earlier, too");
    return 0;
  }
  GPUJOB_TRY(print(render_jobs(views, read_clocks().wall)));
  if (more > 0) {
    note(fmt::format("{} more that ended earlier: gpujob ps --all", more));
  }
  return 0;
}

} // namespace gpujob::client
