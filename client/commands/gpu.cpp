// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/environment.h"
#include "client/gpu/ask.h"
#include "client/output.h"
#include "client/views.h"
#include "common/clock.h"
#include "common/gpu/attribution.h"
#include "common/text.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

/// The driver is asked, not the daemon: it is this machine's GPUs, whoever uses them. A daemon that
/// runs is asked only how the jobs are that were found; none is started.
namespace gpujob::client {

namespace {

/// Every process of every GPU.
template <typename Do>
void each_process(GpuSnapshot& snapshot, Do what) {
  for (auto& gpu : snapshot.gpus) {
    if (gpu.processes) {
      for (auto& process : *gpu.processes) {
        what(process);
      }
    }
  }
}

GpuAttribution own_attribution() {
  const auto environment = own_environment();
  const std::string given(value_of(environment, "GPUJOB_GPU_DEVICES")); // for tests
  return given.empty() ? GpuAttribution() : GpuAttribution(given);
}

/// What the daemon calls those jobs now, and how they are. One that is not of this daemon keeps the
/// name that its own environment gives it.
void ask_daemon(GpuSnapshot& snapshot) {
  std::map<std::string, std::optional<JobView>> jobs;
  each_process(snapshot, [&](GpuProcess& p) {
    if (!p.owner.job_id.empty()) {
      jobs.emplace(p.owner.job_id, std::nullopt);
    }
  });
  auto connection = jobs.empty() ? Result<Connection>(Error{}) : reach_running_daemon();
  for (auto& [id, view] : jobs) {
    const auto job = connection ? connection->call("show", {{"job", id}}) : connection.error();
    if (auto read = job ? read_job_view(*job) : Result<JobView>(job.error())) {
      view = std::move(*read);
    }
  }
  each_process(snapshot, [&](GpuProcess& p) {
    const auto job = jobs.find(p.owner.job_id);
    // The daemon takes the beginning of an id, too.
    if (job != jobs.end() && job->second && job->second->id == p.owner.job_id) {
      p.owner.job_name = job->second->name;
      p.owner.job_state = job->second->state;
    }
  });
}

} // namespace

Result<int> execute(const GpuOptions& options) {
  auto reply = ask_gpus();
  if (!reply) {
    return reply.error();
  }
  if (!*reply) {
    return k_interrupted_exit;
  }
  auto snapshot = read_gpu_snapshot(**reply);
  if (!snapshot) {
    return snapshot.error();
  }
  auto attribution = own_attribution();
  attribution.find_owners(*snapshot, read_clocks().boot);
  const bool first_namespace = attribution.first_namespace();
  ask_daemon(*snapshot);
  if (options.json) {
    GPUJOB_TRY(print_json(gpu_document(std::move(**reply), *snapshot, first_namespace)));
    return 0;
  }
  if (snapshot->gpus.empty()) {
    GPUJOB_TRY(print("no GPU: " + printable(snapshot->why) + "\n"));
    return 0;
  }
  GPUJOB_TRY(print(render_gpus(*snapshot, first_namespace)));
  if (!snapshot->why.empty()) {
    note("gpu: " + snapshot->why);
  }
  return 0;
}

} // namespace gpujob::client
