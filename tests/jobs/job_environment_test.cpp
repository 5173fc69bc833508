// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_environment.h"

#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;
using namespace gpujob::jobs;

namespace {

policy::Job some_job() {
  policy::Job job;
  job.id = "abc";
  job.spec.name = "digits";
  job.attempt = 2;
  return job;
}

Places places() {
  return {RuntimePaths{"/r"}, StatePaths{"/s"}, "/bin/gpujob-shim", {}};
}

std::string env_of(const Launch& l, const std::string& name) {
  const auto it = std::find_if(l.env_set.rbegin(), l.env_set.rend(),
                               [&](const auto& entry) { return entry.first == name; });
  return it == l.env_set.rend() ? "(unset)" : it->second;
}

} // namespace

TEST_CASE("a job is given what the contract says") {
  auto job = some_job();
  job.resume_from = "/s/jobs/abc/ckpt/m.pt";
  Plan plan;
  plan.grace = std::chrono::seconds{90};
  const auto l = make_launch(places(), job, plan, wall_from_ns(1'790'000'000'500'000'000));
  CHECK(env_of(l, "GPUJOB_JOB_ID") == "abc");
  CHECK(env_of(l, "GPUJOB_JOB_NAME") == "digits");
  CHECK(env_of(l, "GPUJOB_ATTEMPT") == "2");
  CHECK(env_of(l, "GPUJOB_DEADLINE") == "1790000000");
  CHECK(env_of(l, "GPUJOB_GRACE_S") == "90");
  CHECK(env_of(l, "GPUJOB_CKPT_DIR") == "/s/jobs/abc/ckpt");
  CHECK(env_of(l, "GPUJOB_RESUME") == "/s/jobs/abc/ckpt/m.pt");
  CHECK(env_of(l, "GPUJOB_NOTICE_FILE") == "/s/jobs/abc/2/notice.json");
  CHECK(env_of(l, "GPUJOB_SOCKET") == "/r/gpujobd.sock");
  CHECK(env_of(l, "NOTIFY_SOCKET") == "/r/abc.2.notify");
  CHECK(l.env_default ==
        std::vector<std::pair<std::string, std::string>>{{"PYTHONUNBUFFERED", "1"}});
}

TEST_CASE("nothing to resume: empty, and no resume argument") {
  auto job = some_job();
  job.spec.resume_arg = "--resume={}";
  const auto l = make_launch(places(), job, {}, std::nullopt);
  CHECK(env_of(l, "GPUJOB_RESUME").empty());
  CHECK(env_of(l, "GPUJOB_DEADLINE").empty());
  CHECK(l.argv_append.empty());
}

TEST_CASE("the resume argument is one word or several, and the path is never split") {
  auto job = some_job();
  job.resume_from = "/c/my model.pt";
  job.spec.resume_arg = "--resume_from_checkpoint={}";
  CHECK(make_launch(places(), job, {}, {}).argv_append ==
        std::vector<std::string>{"--resume_from_checkpoint=/c/my model.pt"});
  job.spec.resume_arg = "--resume {}";
  CHECK(make_launch(places(), job, {}, {}).argv_append ==
        std::vector<std::string>{"--resume", "/c/my model.pt"});
}

TEST_CASE("the user's --env comes first and cannot replace the contract's names") {
  auto job = some_job();
  job.spec.env_set = {{"A", "1"}, {"GPUJOB_JOB_ID", "forged"}};
  const auto l = make_launch(places(), job, {}, {});
  CHECK(env_of(l, "A") == "1");
  CHECK(env_of(l, "GPUJOB_JOB_ID") == "abc");
}

TEST_CASE("one Weights & Biases run over all attempts, only when told to and where none is set") {
  auto job = some_job();
  using Pair = std::pair<std::string, std::string>;
  const auto has = [&](const Pair& pair) {
    const auto l = make_launch(places(), job, {}, std::nullopt);
    return std::find(l.env_default.begin(), l.env_default.end(), pair) != l.env_default.end();
  };
  CHECK_FALSE(has({"WANDB_RUN_ID", "abc"}));
  job.spec.wandb = true;
  CHECK(has({"WANDB_RUN_ID", "abc"}));
  CHECK(has({"WANDB_RESUME", "allow"}));
  job.attempt = 7;
  CHECK(has({"WANDB_RUN_ID", "abc"}));
}

TEST_CASE("the shim is told of every way to a checkpoint") {
  auto job = some_job();
  job.spec.checkpoint_cmd = "save";
  job.spec.checkpoint_copy = {"/w/model.h5"};
  job.spec.recipe = "keras";
  job.resume_from = "/s/jobs/abc/ckpt/copy-1-2";
  job.history.saves = {{30, 10, 0}, {5, 1, 0}};
  const auto l = make_launch(places(), job, {}, std::nullopt);
  CHECK(l.checkpoint_cmd == "save");
  CHECK(l.checkpoint_copy == job.spec.checkpoint_copy);
  CHECK(l.recipe == "keras");
  CHECK(l.checkpoint_dir == "/s/jobs/abc/ckpt");
  CHECK(l.resume_from == job.resume_from);
  CHECK(l.longest_save == std::chrono::seconds{30});
}

TEST_CASE("without --gpus no variable of a GPU's is touched") {
  const auto l = make_launch(places(), some_job(), {}, std::nullopt);
  for (const auto* name :
       {"GPUJOB_GPUS", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"}) {
    INFO(name);
    CHECK(env_of(l, name) == "(unset)");
  }
  CHECK(l.gpus.empty());
}

TEST_CASE("a job sees the GPUs that it was given, by UUID, and the shim remembers them") {
  auto job = some_job();
  job.spec.gpus = "2";
  job.spec.env_set = {{"CUDA_VISIBLE_DEVICES", "3"}}; // --gpus says it anew
  job.gpus = {{"GPU-a", "nvidia"}, {"MIG-b", "nvidia"}};
  auto l = make_launch(places(), job, {}, std::nullopt);
  CHECK(env_of(l, "CUDA_VISIBLE_DEVICES") == "GPU-a,MIG-b");
  CHECK(env_of(l, "GPUJOB_GPUS") == "GPU-a,MIG-b");
  CHECK(env_of(l, "ROCR_VISIBLE_DEVICES") == "(unset)");
  CHECK(env_of(l, "HIP_VISIBLE_DEVICES") == "(unset)");
  CHECK(l.gpus ==
        std::vector<std::pair<std::string, std::string>>{{"nvidia", "GPU-a"}, {"nvidia", "MIG-b"}});
  job.spec.env_set.clear();
  job.gpus = {{"GPU-0123", "amd"}, {"GPU-4567", "amd"}};
  l = make_launch(places(), job, {}, std::nullopt);
  CHECK(env_of(l, "ROCR_VISIBLE_DEVICES") == "GPU-0123,GPU-4567");
  CHECK(env_of(l, "HIP_VISIBLE_DEVICES") == "0,1"); // of those that ROCr leaves
  CHECK(env_of(l, "CUDA_VISIBLE_DEVICES") == "(unset)");
}

TEST_CASE("a job that needs no GPU sees none") {
  auto job = some_job();
  job.spec.gpus = "none";
  const auto l = make_launch(places(), job, {}, std::nullopt);
  CHECK(env_of(l, "CUDA_VISIBLE_DEVICES").empty());
  CHECK(env_of(l, "GPUJOB_GPUS").empty());
  CHECK(env_of(l, "HIP_VISIBLE_DEVICES") == "-1");
}
