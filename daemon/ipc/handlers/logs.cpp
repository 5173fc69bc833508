// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "common/launch.h"
#include "daemon/ipc/find_job.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_logs(Backend& backend, Request request) {
  const auto found = job_of(backend.world(), *request.params, "logs");
  if (!found) {
    request.fail(found.error());
    return;
  }
  const auto& job = **found;
  json::Reader r(*request.params, "logs");
  const auto wanted = r.maybe_integer("attempt");
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  const auto attempt = wanted.value_or(job.attempt);
  if (attempt < 1 || attempt > job.attempt) {
    request.fail({Errc::not_found,
                  job.attempt == 0 ? fmt::format("logs: {}: has not started yet", job.spec.name)
                                   : fmt::format("logs: {}: there is no attempt {}: give 1 to {}",
                                                 job.spec.name, attempt, job.attempt)});
    return;
  }
  const auto dir = backend.state_paths().attempt_dir(job.id, static_cast<int>(attempt));
  request.reply({{"job", job.id},
                 {"attempt", attempt},
                 {"path", json::from_bytes(dir + "/" + attempt_file::k_output)},
                 {"live", attempt == job.attempt && job.ended_state() == nullptr}});
}

} // namespace gpujob::ipc
