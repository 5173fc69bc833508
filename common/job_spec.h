// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gpujob {

/// Checkpoints of one job in the durable directory, at most.
inline constexpr std::int64_t k_most_kept = 1000;

/// So long a GPU that somebody waits for, or pays for, may stand still before that is told.
inline constexpr Duration k_idle_gpu = std::chrono::minutes{30};

/// What the user asked for with `gpujob run`, less the command line itself. Stored, also in the
/// durable directory; holds no environment but what the user passed with --env on purpose.
struct JobSpec {
  std::string name;                                         ///< check_job_name holds
  std::vector<std::string> argv;                            ///< for display and for later sessions
  std::string cwd;                                          ///< absolute
  std::vector<std::pair<std::string, std::string>> env_set; ///< --env K=V
  std::vector<std::string> env_names;                       ///< names only of the rest

  std::optional<Duration> lead;             ///< --lead; nullopt: policy/lead decides
  std::string checkpoint_signal = "auto";   ///< auto|USR1|USR2|TERM|INT|URG|none
  std::string checkpoint_target = "auto";   ///< auto|leader|group|tree
  std::vector<std::string> checkpoint_path; ///< globs, beside GPUJOB_CKPT_DIR
  std::vector<int> checkpoint_exit;         ///< exit codes that say "saved", beside 85
  std::string checkpoint_cmd;               ///< run by a shell at a request; empty: none
  std::vector<std::string> checkpoint_copy; ///< absolute: copied at a request, once they are quiet
  std::string recipe = "auto";              ///< common/recipe.h
  std::vector<int> requeue_exit;
  std::vector<int> no_requeue_exit;
  std::string resume_arg;              ///< "{}" becomes the checkpoint's path; empty: none
  std::string done_when;               ///< a file whose existence means done; empty: none
  std::int64_t max_interruptions = -1; ///< -1: unlimited
  std::int64_t max_failures = 0;
  std::int64_t max_no_progress = 3;
  std::int64_t keep = 3; ///< verified checkpoints kept in the durable directory, at least 1
  std::int64_t log_max_bytes = std::int64_t{1} << 30;
  std::string gpus; ///< common/gpu_request.h, as text; empty: not said, GPUs are left alone
  std::optional<std::int64_t> gpu_memory; ///< so much of each is enough, and it may be shared
  Duration idle_gpu = k_idle_gpu;         ///< warn when its GPUs were idle so long; zero: never
  Duration idle_gpu_stop{};               ///< save and stop then; zero: never
  bool keep_tree = false;
  bool wandb = false; ///< one Weights & Biases run over all sessions

  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

nlohmann::json to_json(const JobSpec& spec);
/// Unknown keys are ignored (a newer version may have written them); wrong types are errors.
Result<JobSpec> job_spec_from_json(const nlohmann::json& j);

} // namespace gpujob
