// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_environment.h"

#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::jobs {

namespace {

/// "--resume {}" is two words, "--resume_from_checkpoint={}" one; the path is never split.
std::vector<std::string> resume_words(const std::string& pattern, const std::string& path) {
  std::vector<std::string> words;
  if (pattern.empty() || path.empty()) {
    return words;
  }
  for (auto word : split(pattern, ' ')) {
    if (word.empty()) {
      continue;
    }
    for (auto at = word.find("{}"); at != std::string::npos; at = word.find("{}", at)) {
      word.replace(at, 2, path);
      at += path.size();
    }
    words.push_back(std::move(word));
  }
  return words;
}

std::string unix_seconds(WallTime t) {
  return fmt::format("{}", std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
}

/// The variables by which programs know the GPUs that they may see. Without --gpus none is touched.
/// An AMD GPU is named to the lowest layer by its UUID (ROCR_VISIBLE_DEVICES, which takes them);
/// what that leaves HIP counts anew, and a list for HIP that the user's shell had would take the
/// wrong ones of it. -1 is no device for HIP: an empty value would be none given.
void name_gpus(const policy::Job& job, Launch& l) {
  if (job.spec.gpus.empty()) {
    return;
  }
  std::string all;
  std::string nvidia;
  std::string amd;
  std::string places;
  int amds = 0;
  const auto add = [](std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ",") + item;
  };
  for (const auto& gpu : job.gpus) {
    l.gpus.emplace_back(gpu.vendor, gpu.uuid);
    add(all, gpu.uuid);
    add(gpu.vendor == "amd" ? amd : nvidia, gpu.uuid);
    if (gpu.vendor == "amd") {
      add(places, fmt::format("{}", amds++));
    }
  }
  l.env_set.emplace_back("GPUJOB_GPUS", all);
  if (amds == 0 || !nvidia.empty()) {
    l.env_set.emplace_back("CUDA_VISIBLE_DEVICES", nvidia);
  }
  if (amds > 0) {
    l.env_set.emplace_back("ROCR_VISIBLE_DEVICES", amd);
  }
  if (amds > 0 || job.gpus.empty()) {
    l.env_set.emplace_back("HIP_VISIBLE_DEVICES", amds > 0 ? places : "-1");
  }
}

} // namespace

Launch make_launch(const Places& places, const policy::Job& job, const Plan& plan,
                   std::optional<WallTime> deadline) {
  const auto attempt_dir = places.state.attempt_dir(job.id, job.attempt);
  Launch l;
  l.job_id = job.id;
  l.job_name = job.spec.name;
  l.attempt = job.attempt;
  l.argv_append = resume_words(job.spec.resume_arg, job.resume_from);
  l.link_socket = places.runtime.link_socket(job.id, job.attempt);
  l.notify_socket = places.runtime.notify_socket(job.id, job.attempt);
  l.spec = job.spec;
  l.env_set = job.spec.env_set;
  const auto set = [&](const char* name, std::string value) {
    l.env_set.emplace_back(name, std::move(value));
  };
  set("GPUJOB_JOB_ID", job.id);
  set("GPUJOB_JOB_NAME", job.spec.name);
  set("GPUJOB_ATTEMPT", fmt::format("{}", job.attempt));
  set("GPUJOB_DEADLINE", deadline ? unix_seconds(*deadline) : "");
  set("GPUJOB_GRACE_S",
      fmt::format("{}", std::chrono::floor<std::chrono::seconds>(plan.grace).count()));
  set("GPUJOB_CKPT_DIR", places.state.checkpoint_dir(job.id));
  set("GPUJOB_RESUME", job.resume_from);
  set("GPUJOB_NOTICE_FILE", attempt_dir + "/" + attempt_file::k_notice);
  set("GPUJOB_SOCKET", places.runtime.socket());
  set("NOTIFY_SOCKET", l.notify_socket);
  set("FAULT_TOL_FINISHED_FLAG_FILE", attempt_dir + "/finished");
  name_gpus(job, l);
  l.env_default.emplace_back("PYTHONUNBUFFERED", "1");
  if (job.spec.wandb) {
    l.env_default.emplace_back("WANDB_RUN_ID", job.id);
    l.env_default.emplace_back("WANDB_RESUME", "allow");
  }
  l.checkpoint_cmd = job.spec.checkpoint_cmd;
  l.checkpoint_copy = job.spec.checkpoint_copy;
  l.recipe = job.spec.recipe;
  l.checkpoint_dir = places.state.checkpoint_dir(job.id);
  l.resume_from = job.resume_from;
  l.longest_save = policy::longest_pause(job.history);
  l.checkpoint_signal = job.spec.checkpoint_signal;
  l.checkpoint_target = job.spec.checkpoint_target;
  l.done_when = job.spec.done_when;
  l.log_max_bytes = job.spec.log_max_bytes;
  l.keep_tree = job.spec.keep_tree;
  l.plan = plan;
  l.revive = places.revive;
  return l;
}

} // namespace gpujob::jobs
