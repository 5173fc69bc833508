// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/job_spec.h"
#include "common/plan.h"
#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gpujob {

/// Names of the files in an attempt's directory (STATE/jobs/ID/N/).
namespace attempt_file {
constexpr const char* k_launch = "launch.json";
constexpr const char* k_lock = "lock"; ///< flocked from before the shim exists until it is gone
constexpr const char* k_start = "start.json";
constexpr const char* k_exit = "exit.json";
constexpr const char* k_journal = "journal.jsonl";
constexpr const char* k_output = "output.log";
constexpr const char* k_notice = "notice.json";
constexpr const char* k_shim_log = "shim.log";
} // namespace attempt_file

/// How a shim brings a dead daemon back.
struct Revive {
  std::string exe;               ///< absolute path of gpujobd
  std::vector<std::string> args; ///< what it is started with
  std::string lock;              ///< held (flock) while a daemon lives
  std::string stop_marker;       ///< while this file exists, `gpujob daemon stop` was asked for
};

/// launch.json: everything a shim needs beside the sealed command line on its stdin. Written by the
/// daemon before the shim is started; holds no secret.
struct Launch {
  std::string job_id;
  std::string job_name;
  int attempt = 0;
  std::vector<std::string> argv_append;                         ///< the resume argument
  std::vector<std::pair<std::string, std::string>> env_set;     ///< overrides the command line's
  std::vector<std::pair<std::string, std::string>> env_default; ///< only where it has none
  std::string link_socket;   ///< the shim listens here for the daemon
  std::string notify_socket; ///< NOTIFY_SOCKET of the job, the shim listens
  std::string checkpoint_signal = "auto";
  std::string checkpoint_target = "auto";
  std::string checkpoint_cmd;
  std::vector<std::string> checkpoint_copy;
  std::string recipe = "auto";
  std::string checkpoint_dir;               ///< GPUJOB_CKPT_DIR
  std::string resume_from;                  ///< GPUJOB_RESUME
  Duration longest_save = Duration::zero(); ///< seen so far; zero: none
  std::string done_when;
  std::int64_t log_max_bytes = 0;
  bool keep_tree = false;
  Plan plan;
  std::optional<Revive> revive;
  std::vector<std::pair<std::string, std::string>> gpus; ///< assigned: vendor and UUID
  std::optional<JobSpec> spec; ///< for a daemon whose database is lost; the shim passes it over
};

std::string encode(const Launch& l);
Result<Launch> decode_launch(std::string_view text);

} // namespace gpujob
