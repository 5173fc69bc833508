// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::policy {

/// Everything the reading of an exit depends on. Pure data.
struct ExitFacts {
  bool has_record = false; ///< exit.json was there
  bool same_boot = true;   ///< it ran under this boot of this machine
  std::optional<int> code;
  std::optional<int> signal;
  bool stop_asked = false;                       ///< the user ran `gpujob stop`
  bool done_mark = false;                        ///< notify, done flag, progress 1 or --done-when
  bool final_requested = false;                  ///< a final checkpoint request had gone out
  bool left_after_save = false;                  ///< that is all there was of such a request
  std::optional<EndReason> term_sent, kill_sent; ///< our own, before the leader's end
  std::string limit;                             ///< what ended the session; empty: not known
  bool newer_checkpoint = false;                 ///< this attempt made a verified checkpoint
  std::optional<std::int64_t> oom_kills;
  std::string exec_error;
  std::vector<int> checkpoint_exit, requeue_exit, no_requeue_exit; ///< the user's codes
};

enum class VerdictKind : std::uint8_t {
  stopped,
  done,
  interrupted, ///< resumes from the newest verified checkpoint
  failed,      ///< failure budget
  failed_for_good,
  lost, ///< failure budget; nobody knows how it ended
};

struct Verdict {
  VerdictKind kind = VerdictKind::lost;
  std::string reason; ///< one line a person can read

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// How an exit is read: the first row that matches.
Verdict read_exit(const ExitFacts& f);

/// What a shell would show: the code, or 128 + signal.
std::optional<int> shell_exit(std::optional<int> code, std::optional<int> signal);

} // namespace gpujob::policy
