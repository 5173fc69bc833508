// SPDX-License-Identifier: Apache-2.0
#include "client/metrics/collect.h"

#include "client/pages.h"
#include "common/json.h"

#include <utility>

namespace gpujob::client {

namespace {

using json::Json;

/// More jobs than this are no metrics any more: each makes a dozen series.
constexpr std::size_t k_most_jobs = 200;

bool has_ended(const Json& job) {
  const auto state = job.value("state", "");
  return state == "parked" || state == "done" || state == "failed" || state == "stopped" ||
         state == "lost";
}

Result<void> observe_jobs(Connection& connection, Observed& out) {
  return each_page(connection, "ps", {{"all", false}}, [&](const Json& page) -> Result<void> {
    for (const auto& line : page.value("jobs", Json::array())) {
      if (has_ended(line) || out.jobs.size() >= k_most_jobs) {
        continue;
      }
      // One that has gone meanwhile is passed over.
      if (auto view = connection.call("show", {{"job", line.value("id", "")}})) {
        out.jobs.push_back(std::move(*view));
      } else if (view.error().code != Errc::not_found) {
        return view.error();
      }
    }
    return {};
  });
}

} // namespace

Result<Observed> observe(Connection& connection) {
  Observed out;
  out.up = true;
  const auto none = Json::object();
  for (auto [method, into] : {std::pair{"daemon.status", &out.status}, {"quota", &out.session}}) {
    auto answer = connection.call(method, none);
    if (!answer) {
      return answer.error();
    }
    *into = std::move(*answer);
  }
  auto gpu =
      connection.call("gpu", {{"history_s", nullptr}, {"gpu", nullptr}, {"cursor", nullptr}});
  if (gpu) {
    out.gpu = std::move(*gpu);
  } else if (gpu.error().code == Errc::unreachable) {
    return gpu.error();
  }
  GPUJOB_TRY(observe_jobs(connection, out));
  return out;
}

} // namespace gpujob::client
