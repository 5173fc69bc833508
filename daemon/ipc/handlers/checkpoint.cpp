// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "daemon/ipc/find_job.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

void handle_checkpoint(Backend& backend, Request request) {
  const auto found = job_of(backend.world(), *request.params, "checkpoint");
  if (!found) {
    request.fail(found.error());
    return;
  }
  const auto& job = **found;
  // One that starts is asked as soon as it can answer.
  if (!std::holds_alternative<policy::Running>(job.state) &&
      !std::holds_alternative<policy::Starting>(job.state)) {
    request.fail({Errc::refused, fmt::format("checkpoint: {}: is {}: only a running job can save",
                                             job.spec.name, policy::state_text(job))});
    return;
  }
  const auto id = job.id;
  auto shared = std::make_shared<Request>(std::move(request));
  backend.submit({policy::CheckpointAsked{id}}, [&backend, shared, id] {
    const auto it = backend.world().jobs.find(id);
    const auto number = it == backend.world().jobs.end() ? 0 : it->second.request_wanted;
    shared->reply({{"job", id}, {"request", number}});
  });
}

} // namespace gpujob::ipc
