// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owner_json.h"

#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gpujob::gpu {

namespace {

using json::Json;

// What a process says of itself may be as long as a frame.
constexpr std::size_t k_longest_program = 1024;
constexpr std::size_t k_longest_name = 128;
constexpr std::size_t k_longest_id = 64; ///< longer ones are none of ours
constexpr std::size_t k_most_of = 32;

Json or_null(const std::string& text) {
  return text.empty() ? Json() : Json(printable(text));
}

Json job(const GpuOwner& o) {
  if (o.job_id.empty() || o.job_id.size() > k_longest_id) {
    return nullptr;
  }
  return {{"id", printable(o.job_id)},
          {"name", or_null(o.job_name.substr(0, k_longest_name))},
          {"told_by", or_null(o.told_by)}};
}

/// A process that no driver lists, with the keys of those that one does.
Json unlisted(const GpuProcess& p) {
  return {{"pid", nullptr},
          {"kind", nullptr},
          {"memory", p.memory ? Json(*p.memory) : Json()},
          {"utilization", {{"gpu", nullptr}, {"memory", nullptr}}},
          {"gpu_instance", nullptr},
          {"compute_instance", nullptr}};
}

void add(Json& process, const GpuOwner& o, bool with_program) {
  process["here"] = o.here;
  process["pid_here"] = o.here ? Json(o.pid) : Json();
  process["one_of"] = std::vector(
      o.one_of.begin(),
      o.one_of.begin() + static_cast<std::ptrdiff_t>(std::min(o.one_of.size(), k_most_of)));
  process["seen_by"] = or_null(o.seen_by);
  process["program"] = with_program ? or_null(o.program.substr(0, k_longest_program)) : Json();
  process["job"] = job(o);
}

} // namespace

void add_owners(Json& reply, const GpuSnapshot& found, bool with_programs) {
  reply["owners_known"] = true;
  reply["pid_namespace"] = found.first_namespace ? "first" : "other";
  for (std::size_t i = 0; i < found.gpus.size(); ++i) {
    if (!found.gpus[i].processes) {
      continue;
    }
    auto& processes = reply["devices"][i]["processes"];
    if (processes.is_null()) {
      processes = Json::array();
    }
    const auto& list = *found.gpus[i].processes;
    for (std::size_t k = 0; k < list.size(); ++k) {
      if (k == processes.size()) {
        processes.push_back(unlisted(list[k]));
      }
      add(processes[k], list[k].owner, with_programs);
    }
  }
}

void drop_processes(Json& reply) {
  reply["owners_known"] = false;
  for (auto& device : reply["devices"]) {
    device["processes"] = nullptr;
  }
}

} // namespace gpujob::gpu
