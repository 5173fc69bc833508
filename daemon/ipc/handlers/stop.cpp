// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

namespace {

Result<std::vector<policy::JobId>> choose(const policy::World& w, const nlohmann::json& params) {
  json::Reader r(params, "stop");
  const auto names = r.texts_or_empty("jobs");
  const bool all = r.boolean_or("all", false);
  if (!r.ok()) {
    return r.error();
  }
  std::vector<policy::JobId> ids;
  for (const auto& [id, job] : w.jobs) {
    if (all && job.ended_state() == nullptr) {
      ids.push_back(id);
    }
  }
  for (const auto& name : names) {
    auto job = find_job(w, name);
    if (!job) {
      return job.error();
    }
    ids.push_back((*job)->id);
  }
  if (!all && names.empty()) {
    return Error{Errc::usage, "stop: no job given: name one, or pass --all"};
  }
  return ids;
}

nlohmann::json outcome(const policy::Job& job, bool had_ended) {
  const auto state = policy::state_text(job);
  const auto note = had_ended                      ? fmt::format("is {} already", state)
                    : job.ended_state() != nullptr ? std::string("stopped before it ran")
                                                   : std::string("is being stopped");
  return {{"id", job.id}, {"name", job.spec.name}, {"state", state}, {"note", note}};
}

struct Chosen {
  policy::JobId id;
  bool had_ended = false;
};

/// Those that somebody may wait for come first: they are never the ones left out.
nlohmann::json outcomes(const policy::World& w, const std::vector<Chosen>& chosen) {
  auto jobs = nlohmann::json::array();
  std::size_t more = 0;
  for (const bool ended : {false, true}) {
    for (const auto& [id, had_ended] : chosen) {
      const auto it = w.jobs.find(id);
      if (it == w.jobs.end() || (it->second.ended_state() != nullptr) != ended) {
        continue;
      }
      if (jobs.size() < k_max_named) {
        jobs.push_back(outcome(it->second, had_ended));
      } else {
        ++more;
      }
    }
  }
  return {{"jobs", std::move(jobs)}, {"more", more}};
}

} // namespace

void handle_stop(Backend& backend, Request request) {
  auto ids = choose(backend.world(), *request.params);
  if (!ids) {
    request.fail(ids.error());
    return;
  }
  json::Reader r(*request.params, "stop");
  const bool now = r.boolean_or("now", false);
  std::vector<policy::Event> events;
  std::vector<Chosen> chosen;
  for (const auto& id : *ids) {
    chosen.push_back({id, backend.world().jobs.at(id).ended_state() != nullptr});
    events.emplace_back(policy::StopAsked{id, now});
  }
  auto shared = std::make_shared<Request>(std::move(request));
  backend.submit(std::move(events),
                 [&backend, shared, chosen] { shared->reply(outcomes(backend.world(), chosen)); });
}

} // namespace gpujob::ipc
