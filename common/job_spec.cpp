// SPDX-License-Identifier: Apache-2.0
#include "common/job_spec.h"

#include "common/gpu_request.h"
#include "common/id.h"
#include "common/json.h"

#include <nlohmann/json.hpp>

namespace gpujob {

nlohmann::json to_json(const JobSpec& s) {
  auto env = nlohmann::json::array();
  for (const auto& [name, value] : s.env_set) {
    env.push_back({json::from_bytes(name), json::from_bytes(value)});
  }
  nlohmann::json j{
      {"name", s.name},
      {"argv", json::from_bytes_list(s.argv)},
      {"cwd", json::from_bytes(s.cwd)},
      {"env_set", std::move(env)},
      {"env_names", json::from_bytes_list(s.env_names)},
      {"checkpoint_signal", s.checkpoint_signal},
      {"checkpoint_target", s.checkpoint_target},
      {"checkpoint_path", json::from_bytes_list(s.checkpoint_path)},
      {"checkpoint_exit", s.checkpoint_exit},
      {"checkpoint_cmd", json::from_bytes(s.checkpoint_cmd)},
      {"checkpoint_copy", json::from_bytes_list(s.checkpoint_copy)},
      {"recipe", s.recipe},
      {"requeue_exit", s.requeue_exit},
      {"no_requeue_exit", s.no_requeue_exit},
      {"resume_arg", json::from_bytes(s.resume_arg)},
      {"done_when", json::from_bytes(s.done_when)},
      {"max_interruptions", s.max_interruptions},
      {"max_failures", s.max_failures},
      {"max_no_progress", s.max_no_progress},
      {"keep", s.keep},
      {"log_max_bytes", s.log_max_bytes},
      {"keep_tree", s.keep_tree},
      {"wandb", s.wandb},
  };
  if (s.lead) {
    j["lead_ns"] = s.lead->count();
  }
  if (!s.gpus.empty()) {
    j["gpus"] = s.gpus;
  }
  if (s.gpu_memory) {
    j["gpu_memory"] = *s.gpu_memory;
  }
  if (s.idle_gpu != k_idle_gpu) {
    j["idle_gpu_ns"] = s.idle_gpu.count();
  }
  if (s.idle_gpu_stop != Duration::zero()) {
    j["idle_gpu_stop_ns"] = s.idle_gpu_stop.count();
  }
  return j;
}

namespace {

std::vector<std::pair<std::string, std::string>> read_env(json::Reader& r) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto* list = r.find("env_set");
  if (list == nullptr) {
    return out;
  }
  if (!list->is_array()) {
    r.fail("env_set", "is not a list");
    return out;
  }
  for (const auto& item : *list) {
    const nlohmann::json wrapped{{"pair", item}};
    json::Reader pair(wrapped, "env_set");
    auto both = pair.bytes_list("pair");
    if (!pair.ok() || both.size() != 2) {
      r.fail("env_set", "is not a list of [name, value]");
      return {};
    }
    out.emplace_back(std::move(both[0]), std::move(both[1]));
  }
  return out;
}

void read_gpus(json::Reader& r, JobSpec& s) {
  s.gpus = r.text_or("gpus", "");
  if (!s.gpus.empty()) {
    const auto request = parse_gpu_request(s.gpus, "gpus");
    if (!request) {
      r.fail("gpus", "is not none, all, a number or a list of GPUs");
    } else if (request->kind == GpuRequest::Kind::none) {
      s.gpus = "none"; // one word for it: "0" is another
    }
  }
  if (r.find("gpu_memory") != nullptr) {
    s.gpu_memory = r.integer_in("gpu_memory", 1, k_most_gpu_memory);
  }
  s.idle_gpu = r.maybe_span("idle_gpu_ns").value_or(s.idle_gpu);
  s.idle_gpu_stop = r.maybe_span("idle_gpu_stop_ns").value_or(s.idle_gpu_stop);
}

} // namespace

Result<JobSpec> job_spec_from_json(const nlohmann::json& j) {
  json::Reader r(j, "job spec");
  JobSpec s;
  s.name = r.text("name");
  s.argv = r.bytes_list("argv");
  s.cwd = r.bytes("cwd");
  s.env_set = read_env(r);
  s.env_names = r.bytes_list("env_names");
  s.lead = r.maybe_span("lead_ns");
  s.checkpoint_signal = r.text("checkpoint_signal");
  s.checkpoint_target = r.text("checkpoint_target");
  s.checkpoint_path = r.bytes_list("checkpoint_path");
  s.checkpoint_exit = r.integers_or_empty("checkpoint_exit");
  if (r.find("checkpoint_cmd") != nullptr) { // not there before 0.2
    s.checkpoint_cmd = r.bytes("checkpoint_cmd");
  }
  if (r.find("checkpoint_copy") != nullptr) {
    s.checkpoint_copy = r.bytes_list("checkpoint_copy");
  }
  s.recipe = r.text_or("recipe", s.recipe);
  s.requeue_exit = r.integers_or_empty("requeue_exit");
  s.no_requeue_exit = r.integers_or_empty("no_requeue_exit");
  s.resume_arg = r.bytes("resume_arg");
  s.done_when = r.bytes("done_when");
  s.max_interruptions = r.integer("max_interruptions");
  s.max_failures = r.integer("max_failures");
  s.max_no_progress = r.integer("max_no_progress");
  if (r.find("keep") != nullptr) {
    s.keep = r.integer_in("keep", 1, k_most_kept);
  }
  s.log_max_bytes = r.integer_or("log_max_bytes", s.log_max_bytes);
  read_gpus(r, s);
  s.keep_tree = r.boolean_or("keep_tree", false);
  s.wandb = r.boolean_or("wandb", false);
  if (!r.ok()) {
    return r.error();
  }
  GPUJOB_TRY(check_job_name(s.name));
  if (s.argv.empty()) {
    return Error{Errc::bad_data, "job spec: argv: is empty"};
  }
  return s;
}

} // namespace gpujob
