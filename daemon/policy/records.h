// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/policy/job.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What happened, as it is kept for people who look later (`gpujob report`).
namespace gpujob::policy {

enum class Happened : std::uint8_t {
  session_started,
  session_ended,
  run_started,
  run_ended,
  checkpoint, ///< verified; told of when it was saved
  warning,
  notice, ///< of the session's end, or that it was withdrawn; of a job: stored later than verified
};
std::string_view to_text(Happened kind);
std::optional<Happened> happened_from_text(std::string_view text);

/// As it is kept: printable, and no longer than a line or two. It may hold what a job wrote.
std::string record_text(std::string_view text);

struct Occurrence {
  WallTime at{};
  Happened kind = Happened::warning;
  JobId job; ///< empty: of the session
  std::string name;
  int attempt = 0; ///< 0: of none
  std::string text;

  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

/// One run of a job, and what it was worth. What is not known is not there.
struct AttemptRecord {
  JobId job;
  std::string name;
  int attempt = 0;
  WallTime started{};
  std::optional<WallTime> ended; ///< by its exit record
  std::string state;             ///< running, interrupted, or the job's state when it ended
  /// From its start to the moment of its newest verified checkpoint; all of it, if the job is done.
  std::optional<Duration> kept;
  std::optional<Duration> lost; ///< from there to its end; not known before that
  std::string why_lost;         ///< empty: nothing was

  friend bool operator==(const AttemptRecord&, const AttemptRecord&) = default;
};

/// Not stored yet.
struct NewRecords {
  std::vector<Occurrence> events;
  std::vector<AttemptRecord> attempts; ///< the newest word on each
  [[nodiscard]] bool empty() const { return events.empty() && attempts.empty(); }
};

/// As they were stored; `seq` rises with each.
struct StoredOccurrence {
  std::int64_t seq = 0;
  std::string session;
  Occurrence what;
};
struct StoredAttempt {
  std::int64_t seq = 0;
  std::string session; ///< in which it started
  AttemptRecord what;
};

} // namespace gpujob::policy
