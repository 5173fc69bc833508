// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// What the daemon shows of a job, read strictly: a value of another type is an error, a missing
/// one is unknown. Texts may come from a job: nothing here is fit for a terminal before
/// printable().
namespace gpujob::client {

struct CheckpointView {
  std::int64_t seq = 0; ///< 1, 2, ... within the job
  std::string path;
  bool confirmed = false;
  std::string state; ///< heard securing verified rejected unconfirmed; empty: not said
  std::string how;
  std::string durable; ///< cached flushed stored; empty: not durable
  std::string durable_path;
  std::optional<WallTime> at;
  int attempt = 0;
  std::optional<std::int64_t> step, bytes;
  std::optional<std::int64_t> stored_bytes, total_bytes; ///< while it is copied, where known
  std::optional<double> stored_per_s;
  std::string note;

  /// Neither confirmed nor given up.
  [[nodiscard]] bool pending() const { return state == "heard" || state == "securing"; }
};

/// When a job will be asked to save, and what that follows from.
struct SavingView {
  std::optional<WallTime> next_at, last_at;
  std::optional<double> period_s, miss, median_s, p99_s, mean_between_deaths_s;
  std::string basis; ///< prior, history, distribution-free
  std::int64_t samples = 0, sessions = 0;
  std::string storage; ///< what saves are copied to; empty: not known
  std::optional<std::int64_t> storage_samples;
  std::optional<double> rest_of_step_s, save_s, verify_s, copy_s; ///< medians of what they took
  bool bathtub = false; ///< machines of its kind die young or near their cap
};

struct JobView {
  std::string id, name, state, reason;
  int attempt = 0;
  std::optional<int> exit, run_exit, pid;
  std::string signal;
  std::vector<std::string> argv;
  std::string cwd;
  std::optional<WallTime> created_at, started_at, ended_at;
  std::string log; ///< of this attempt; empty: none yet
  std::string resume_from;
  std::optional<double> progress; ///< 0 to 1
  std::string progress_by;        ///< job, or output (its progress bar)
  std::string rate;               ///< as its bar says
  std::optional<double> left_s;   ///< its work still takes so long, by its own progress
  std::string status, catches, recipe, recipe_why;
  std::string contract; ///< continues or exits, after a save; empty: not known
  std::int64_t interruptions = 0, failures = 0, no_progress = 0;
  std::optional<WallTime> request_at, term_at, ends_at; ///< the plan
  std::optional<SavingView> saving;
  std::vector<std::string> gpus, gpu_names; ///< its own: UUIDs, and "GPU 0"
  std::vector<CheckpointView> checkpoints;  ///< the newest is last
  std::optional<WallTime> checkpoint_at;    ///< of the newest confirmed; all that a line of ps has
  std::string raw;                          ///< the JSON it was read from, for --json

  /// Nothing of it runs, and nothing will without being asked.
  [[nodiscard]] bool settled() const { return run_exit.has_value() || state == "held"; }
  /// It has a place in the queue and no process of its current attempt yet.
  [[nodiscard]] bool waiting() const { return state == "queued" || state == "held"; }
  /// nullptr when none is confirmed.
  [[nodiscard]] const CheckpointView* newest_confirmed() const;
};

Result<JobView> read_job_view(const nlohmann::json& document);

} // namespace gpujob::client
