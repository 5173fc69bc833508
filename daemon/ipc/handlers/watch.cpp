// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_watch(Backend& backend, Request request) {
  const auto job = job_of(backend.world(), *request.params, "watch");
  if (!job) {
    request.fail(job.error());
    return;
  }
  if (const auto session = request.session.lock()) {
    session->watched[(*job)->id] = view_fingerprint(**job);
  }
  request.reply(job_view(backend.world(), **job, backend.state_paths(), backend.now()));
}

} // namespace gpujob::ipc
