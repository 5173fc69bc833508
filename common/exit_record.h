// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/plan.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// start.json of an attempt: the shim's first word.
struct StartRecord {
  std::string job_id;
  int attempt = 0;
  std::string boot_id;
  int shim_pid = 0;
  std::uint64_t shim_start_ticks = 0; ///< /proc/PID/stat field 22: tells a reused pid apart
  int child_pid = 0;                  ///< also process group and session of the job
  std::uint64_t child_start_ticks = 0;
  WallTime at{};

  friend bool operator==(const StartRecord&, const StartRecord&) = default;
};

/// exit.json of an attempt: the shim's last word, written when nothing of the job is left. Exactly
/// one of `code` and `signal` is set, unless the program never started (`exec_error`).
struct ExitRecord {
  std::string job_id;
  int attempt = 0;
  std::string boot_id;
  std::optional<int> code;
  std::optional<int> signal;
  std::string exec_error;             ///< why the program could not be started; code is 126 or 127
  std::optional<EndReason> term_sent; ///< we sent TERM, for this
  std::optional<EndReason> kill_sent; ///< we sent KILL to the leader, for this
  bool final_requested = false;       ///< a final checkpoint request had been sent
  bool done_mark = false;             ///< the job said it is done, or its --done-when file exists
  std::optional<std::int64_t> oom_kills; ///< by how much the cgroup's OOM counter rose
  std::int64_t last_journal_seq = 0;
  BootTime boot_at{};
  WallTime at{};
  double user_s = 0, system_s = 0; ///< CPU time of the tree
  std::int64_t max_rss_kb = 0;

  friend bool operator==(const ExitRecord&, const ExitRecord&) = default;
};

std::string encode(const StartRecord& r);
std::string encode(const ExitRecord& r);
Result<StartRecord> decode_start_record(std::string_view text);
Result<ExitRecord> decode_exit_record(std::string_view text);

} // namespace gpujob
