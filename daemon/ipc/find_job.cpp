// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/find_job.h"

#include "common/json.h"
#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::ipc {

const policy::Job* find_by_name(const policy::World& w, const std::string& name) {
  const policy::Job* newest = nullptr;
  for (const auto& [id, job] : w.jobs) {
    if (!job.removed && job.spec.name == name && (newest == nullptr || newest->order < job.order)) {
      newest = &job;
    }
  }
  return newest;
}

Result<const policy::Job*> find_job(const policy::World& w, const std::string& text) {
  if (const auto it = w.jobs.find(text); it != w.jobs.end() && !it->second.removed) {
    return &it->second;
  }
  if (const auto* named = find_by_name(w, text)) {
    return named;
  }
  const auto missing =
      Error{Errc::not_found, fmt::format("job: '{}': not known here: see gpujob ps --all",
                                         printable(text.substr(0, 60)))};
  const policy::Job* found = nullptr;
  for (auto it = w.jobs.lower_bound(text);
       !text.empty() && it != w.jobs.end() && it->first.starts_with(text); ++it) {
    if (it->second.removed) {
      continue;
    }
    if (found != nullptr) {
      return Error{Errc::not_found,
                   fmt::format("job: '{}': is the start of several ids: give more of it", text)};
    }
    found = &it->second;
  }
  return found == nullptr ? Result<const policy::Job*>(missing) : found;
}

Result<const policy::Job*> job_of(const policy::World& w, const nlohmann::json& params,
                                  const char* what) {
  json::Reader r(params, what);
  const auto text = r.text("job");
  return r.ok() ? find_job(w, text) : Result<const policy::Job*>(r.error());
}

} // namespace gpujob::ipc
