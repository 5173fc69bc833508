// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "daemon/ipc/find_job.h"
#include "daemon/ipc/view.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_show(Backend& backend, Request request) {
  json::Reader r(*request.params, "show");
  const auto text = r.text("job");
  const auto job = r.ok() ? find_job(backend.world(), text) : Result<const policy::Job*>(r.error());
  if (!job) {
    request.fail(job.error());
    return;
  }
  request.reply(job_view(**job, backend.state_paths(), backend.now()));
}

} // namespace gpujob::ipc
