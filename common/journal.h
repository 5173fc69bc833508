// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/plan.h"
#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a shim saw and did, in order: one JSON line each in journal.jsonl, and the same line on the
/// link to the daemon. The daemon stores the last `seq` it applied, so that each counts once.
namespace gpujob::journal {

struct Started {
  int child_pid = 0;
};
struct Ready {};
struct Status {
  std::string text;
};
struct Progress {
  double value = 0; ///< 0..1
};
/// The job now catches a checkpoint signal.
struct Catches {
  std::string signal; ///< "USR1"
  int pid = 0;
};
/// A checkpoint was asked for: notice file written, signals (if any) sent.
struct Requested {
  std::int64_t request = 0; ///< the daemon's number for a continue request, 0 for the plan's own
  bool final = false;
  std::string signal; ///< empty: nobody catches one, the notice file alone was written
  std::vector<int> targets;
};
/// The job says a checkpoint is there.
struct Checkpoint {
  std::string how;  ///< "notify", "stdout", "command" or "copy"
  std::string path; ///< empty: it did not say
  std::optional<std::int64_t> step;
};
/// A way to a checkpoint that led nowhere.
struct RouteFailed {
  std::string route; ///< "command" or "copy"
  std::string why;   ///< "exit 3"
};
/// What the job is taken for, and from what; again when it is seen to be another.
struct Recipe {
  std::string name; ///< common/recipe.h
  std::string why;
  bool exits = false; ///< it ends after every save
};
struct DoneMark {};
struct Stopping {}; ///< sd_notify STOPPING=1
struct Extended {
  BootTime term_at{};
};
struct TermSent {
  EndReason reason = EndReason::session_limit;
};
struct KillSent {
  EndReason reason = EndReason::session_limit;
};
/// The leader is gone; the rest of its tree is being ended.
struct LeaderExited {
  std::optional<int> code;
  std::optional<int> signal;
};

using Body =
    std::variant<Started, Ready, Status, Progress, Catches, Requested, Checkpoint, RouteFailed,
                 Recipe, DoneMark, Stopping, Extended, TermSent, KillSent, LeaderExited>;

struct Record {
  std::int64_t seq = 0; ///< 1, 2, 3 ... within one attempt
  BootTime boot{};
  WallTime wall{};
  Body body;
};

/// One line, newline included.
std::string encode(const Record& r);
Result<Record> decode(std::string_view line);

} // namespace gpujob::journal
