// SPDX-License-Identifier: Apache-2.0
#include "client/render/gpu.h"
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/gpu/ask.h"
#include "client/output.h"
#include "client/views/job.h"
#include "common/gpu/snapshot.h"
#include "common/json.h"
#include "common/text.h"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// The driver is asked, not the daemon: it is this machine's GPUs, whoever uses them. A daemon that
/// runs is asked only how the jobs are that were found; none is started.
namespace gpujob::client {

namespace {

using json::Json;

/// How many errors a GPU is said to have had.
std::int64_t count_xids(const Json& device) {
  gpujob::json::Reader d(device, "gpu: device");
  const auto* xid = d.find("xid");
  if (xid == nullptr) {
    return 0;
  }
  gpujob::json::Reader x(*xid, "gpu: xid");
  const auto count = x.integer_or("count", 0);
  static_cast<void>(x.maybe_integer("last"));
  return x.ok() ? count : 0;
}

/// A GPU that is lost may tell no UUID any more.
bool is_same(const Json& device, const Json& seen_by_daemon) {
  gpujob::json::Reader a(device, "gpu: device");
  gpujob::json::Reader b(seen_by_daemon, "daemon: gpu: device");
  const auto uuid = a.text_or("uuid", "");
  return uuid.empty() ? a.text_or("vendor", "") == b.text_or("vendor", "?") &&
                            a.integer_or("index", -1) == b.integer_or("index", -2)
                      : uuid == b.text_or("uuid", "");
}

/// One look knows of no error before it; the daemon, which goes on looking, does.
void take_xids(Json& reply, Connection& daemon) {
  const auto answer = daemon.call("gpu", Json::object());
  if (!answer || !answer->contains("devices")) {
    return;
  }
  for (const auto& seen : answer->at("devices")) {
    for (auto& device : reply["devices"]) {
      if (is_same(device, seen) && count_xids(seen) > count_xids(device)) {
        device["xid"] = seen["xid"];
      }
    }
  }
}

/// What the daemon calls those jobs now, how they are, and the errors that it has seen. A job that
/// is not of this daemon keeps the name that its own environment gives it.
void ask_daemon(Json& reply) {
  std::map<std::string, std::vector<Json*>> jobs;
  for (auto& device : reply["devices"]) {
    for (auto& process : device["processes"]) {
      if (auto& job = process["job"]; job.is_object()) {
        job["state"] = nullptr;
        jobs[job["id"].get<std::string>()].push_back(&job);
      }
    }
  }
  auto connection = reply["devices"].empty() ? Result<Connection>(Error{}) : reach_running_daemon();
  if (connection) {
    take_xids(reply, *connection);
  }
  for (auto& [id, places] : jobs) {
    const auto job = connection ? connection->call("show", {{"job", id}}) : connection.error();
    const auto view = job ? read_job_view(*job) : Result<JobView>(job.error());
    // The daemon takes the beginning of an id, too.
    if (view && view->id == id) {
      for (auto* place : places) {
        (*place)["name"] = printable(view->name);
        (*place)["state"] = printable(view->state);
      }
    }
  }
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
  if (snapshot) {
    ask_daemon(**reply);
    snapshot = read_gpu_snapshot(**reply);
  }
  if (!snapshot) {
    return snapshot.error();
  }
  if (options.json) {
    (*reply)->erase("ok");
    GPUJOB_TRY(print_json(**reply));
    return 0;
  }
  if (snapshot->gpus.empty()) {
    GPUJOB_TRY(print("no GPU: " + printable(snapshot->why) + "\n"));
    return 0;
  }
  GPUJOB_TRY(print(render_gpus(*snapshot)));
  if (!snapshot->why.empty()) {
    note("gpu: " + snapshot->why);
  }
  return 0;
}

} // namespace gpujob::client
