// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/journal.h"
#include "daemon/policy/world.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What happened, as the edges report it. apply() is total: an event about a job or an attempt that
/// is no longer there changes nothing.
namespace gpujob::policy {

/// `gpujob run`, checked by the caller: a new job.
struct Submitted {
  JobId id;
  JobSpec spec;
  bool unique = false; ///< not if a job of that name is under way: the user named it
};
/// `gpujob run` of a job that had ended: it goes on with the new line.
struct Resumed {
  JobId id;
  JobSpec spec;
};
struct StopAsked {
  JobId id;
  bool now = false; ///< TERM at once, no checkpoint
};
struct CheckpointAsked {
  JobId id;
};
struct Removed {
  JobId id;
};

/// The answer to Prepare.
struct Prepared {
  JobId id;
  int attempt = 0;
  bool ok = false;
  std::string why;                   ///< when not ok
  std::string path;                  ///< what to resume from; empty: from the start
  std::string from;                  ///< "local", or "durable": restored from there
  std::vector<std::string> rejected; ///< "path: why", newest first
};
struct LaunchFailed {
  JobId id;
  int attempt = 0;
  std::string why;
};
struct BaselineTaken {
  JobId id;
  int attempt = 0;
  std::vector<std::string> signatures;
};
struct ShimRecord {
  JobId id;
  int attempt = 0;
  journal::Record record;
  std::string signature; ///< of the path a Checkpoint record names, as it is now
  std::string found;     ///< for a Checkpoint record without a path: the newly complete one
};
/// No shim lives any more for this attempt.
struct ShimGone {
  JobId id;
  int attempt = 0;
  std::optional<ExitRecord> record;
  bool same_boot = true;
};
/// The launch was committed but no shim ever came to life.
struct NeverStarted {
  JobId id;
  int attempt = 0;
};
/// New complete files.
struct CheckpointFound {
  JobId id;
  int attempt = 0;
  std::string path;
  std::string signature;
  std::string how;                 ///< files | exit
  std::optional<BootTime> since{}; ///< when it was first seen like this
};
/// The answer to Secure.
struct Secured {
  JobId id;
  int seq = 0;
  bool verified = false;
  std::string why;
  std::int64_t bytes = 0;
  std::string manifest;
  std::string durable_level, durable_path;
  std::string durable_error;
  std::optional<double> verify_s{}; ///< listing and hashing it here
  bool answered = true;             ///< false: the helper died or hung; nothing is known
  std::optional<int> begun{};       ///< the attempt whose begin record was written with it
};
struct RecordWritten {
  JobId id;
  bool end = false; ///< the end record, else the begin record
  bool ok = false;
};
/// The answer to Heartbeat, also when it failed: the next one comes in its turn.
struct HeartbeatWritten {};
/// A shim gave the command line back, or a client brought it again.
struct EnvironmentHeld {
  JobId id;
};
/// A job known from the durable directory, of another session.
struct Imported {
  Job job;
};
/// The session's end is seen anew: a quota, a setting, or the platform's own notice.
struct EndMoved {
  std::optional<BootTime> ends_at, plan_end, noticed;
  std::string why;                 ///< for people who watch a job; empty: they need not hear of it
  Duration spread{};               ///< of ends_at, a standard deviation
  std::optional<Duration> limit{}; ///< of the session, where it is known
  std::string by{};                ///< as end_by of the session
};
/// When the platform may take the session for idle; nullopt: not, or that is not known. `since` is
/// the last activity.
struct IdleExpected {
  std::optional<BootTime> at;
  BootTime since{};
};
/// Every running job should save now, and go on.
struct SaveWished {
  std::string why; ///< for people
};
/// How sessions of this platform have ended so far.
struct DeathsSeen {
  Session::Deaths deaths;
};
/// The cache in front of the durable directory was emptied after these had been copied there.
struct Flushed {
  std::vector<std::pair<JobId, int>> checkpoints; ///< with their seq
};
/// The GPUs, when something about them has changed that a job can depend on: which there are, who
/// is on them, whether they are at work.
struct GpusSeen {
  Gpus gpus;
};
/// A progress bar in a job's output, of its whole run.
struct ProgressSeen {
  JobId id;
  int attempt = 0;
  double done = 0; ///< 0 to 1
  std::optional<Duration> left{};
  std::string rate{};
};
struct Tick {};

using Event =
    std::variant<Submitted, Resumed, StopAsked, CheckpointAsked, Removed, Prepared, LaunchFailed,
                 BaselineTaken, ShimRecord, ShimGone, NeverStarted, CheckpointFound, Secured,
                 RecordWritten, HeartbeatWritten, EnvironmentHeld, Imported, EndMoved, IdleExpected,
                 SaveWished, DeathsSeen, Flushed, GpusSeen, ProgressSeen, Tick>;

/// Whether `newer` says all that `waiting`, which was not applied yet, would have said: of what is
/// looked at again and again the newest will do.
bool overtakes(const Event& newer, const Event& waiting);

/// Adds it in the place of the first that it overtakes, so that what follows is judged by it, too;
/// else at the end.
void wait_in_line(std::vector<Event>& waiting, Event event);

} // namespace gpujob::policy
