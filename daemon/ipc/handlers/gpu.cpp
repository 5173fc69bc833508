// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/find_job.h"

#include <nlohmann/json.hpp>

namespace gpujob::ipc {

namespace {

void answer(const Request& request, const Result<nlohmann::json>& result) {
  if (result) {
    request.reply(*result);
  } else {
    request.fail(result.error());
  }
}

} // namespace

void handle_gpu(Backend& backend, Request request) {
  json::Reader r(*request.params, "gpu");
  GpuQuery query;
  const auto back = r.maybe_integer("history_s");
  query.gpu = r.text_or("gpu", "");
  query.cursor = r.text_or("cursor", "");
  constexpr auto k_longest_s = std::chrono::duration_cast<std::chrono::seconds>(k_longest_span);
  if (back && (*back < 1 || *back > k_longest_s.count())) {
    r.fail("history_s", "is out of range");
  }
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  if (back) {
    query.history = std::chrono::seconds{*back};
  }
  answer(request, backend.gpu_view(query));
}

void handle_gpu_snapshots(Backend& backend, Request request) {
  json::Reader r(*request.params, "gpu.snapshots");
  GpuSnapshotsQuery query;
  query.cursor = r.text_or("cursor", "");
  const bool one = r.find("job") != nullptr;
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  if (one) {
    const auto job = job_of(backend.world(), *request.params, "gpu");
    if (!job) {
      request.fail(job.error());
      return;
    }
    query.job = (*job)->id;
  }
  answer(request, backend.gpu_snapshots(query));
}

} // namespace gpujob::ipc
