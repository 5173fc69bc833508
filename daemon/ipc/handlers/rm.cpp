// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

/// Forgets ended jobs on this machine. What is in the durable directory stays: see README.
namespace gpujob::ipc {

void handle_rm(Backend& backend, Request request) {
  json::Reader r(*request.params, "rm");
  const auto names = r.texts_or_empty("jobs");
  if (!r.ok() || names.empty()) {
    request.fail(r.ok() ? Error{Errc::usage, "rm: no job given"} : r.error());
    return;
  }
  std::vector<policy::Event> events;
  auto removed = nlohmann::json::array();
  std::vector<policy::JobId> ids;
  for (const auto& name : names) {
    const auto job = find_job(backend.world(), name);
    if (!job) {
      request.fail(job.error());
      return;
    }
    if ((*job)->ended_state() == nullptr) {
      request.fail({Errc::refused, fmt::format("rm: {}: is {}: stop it first with gpujob stop",
                                               (*job)->spec.name, policy::state_text(**job))});
      return;
    }
    ids.push_back((*job)->id);
    if (removed.size() < k_max_named) {
      removed.push_back({{"id", (*job)->id},
                         {"name", (*job)->spec.name},
                         {"durable", policy::found_by_others(backend.world(), **job)}});
    }
    events.emplace_back(policy::Removed{(*job)->id});
  }
  auto shared = std::make_shared<Request>(std::move(request));
  backend.submit(std::move(events), [&backend, shared, ids, removed] {
    for (const auto& id : ids) {
      // One that was run again in the same instant is still there.
      const auto it = backend.world().jobs.find(id);
      if (it == backend.world().jobs.end() || it->second.removed) {
        backend.remove_files(id);
      }
    }
    shared->reply({{"jobs", removed}, {"more", ids.size() - removed.size()}});
  });
}

} // namespace gpujob::ipc
