// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_show(Backend& backend, Request request) {
  const auto job = job_of(backend.world(), *request.params, "show");
  if (!job) {
    request.fail(job.error());
    return;
  }
  const auto& paths = backend.state_paths();
  request.reply(job_view(backend.world(), **job, paths, backend.now(), read_storing(paths, **job)));
}

} // namespace gpujob::ipc
