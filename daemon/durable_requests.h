// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/result.h"
#include "daemon/platform/said.h"
#include "daemon/platform/standing.h"
#include "daemon/policy/event.h"
#include "daemon/policy/limits/usage.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What the helper is asked and what its answers mean: the table "The helper" of ARCHITECTURE.md,
/// on the daemon's side. No I/O.
namespace gpujob::durable_requests {

struct Place {
  std::string dir; ///< empty: there is no durable directory
  std::string level;
  std::string session;
  std::string remote{}; ///< rclone's "NAME:PATH", whose spool `dir` is; empty: `dir` is the place
  std::string filesystem{}; ///< its type, "fuse.drive"; empty: it was not opened

  /// As people know it: the directory, or "rclone:NAME:PATH".
  [[nodiscard]] std::string shown() const;
  /// What kind of storage it is, by which past saves are told apart: "fuse.drive, cached",
  /// "rclone gdrive, stored", "this VM"; empty: not known. No path and nothing secret is in it.
  [[nodiscard]] std::string kind() const;
};

std::string open(const Place& place, const std::string& require_mount);
/// `others` are read only.
std::string scan(const Place& place, const std::vector<std::string>& others);
std::string begin(const Place& place, const policy::Job& job, WallTime now);
std::string end(const Place& place, const policy::Job& job, WallTime now);
/// With the attempt's record where that is still owed; `now` is its time then.
std::string secure(const Place& place, const StatePaths& paths, const policy::Job& job, int seq,
                   WallTime now);
std::string resume(const Place& place, const StatePaths& paths, const policy::Job& job);
/// How long either may take: half an hour, and for the largest checkpoint known of the job what
/// slow storage takes. Past this the storage is taken for hung.
Duration copy_deadline(const policy::Job& job);

/// What this session says of itself: the lease on `jobs`, and what it has used.
struct Beat {
  std::int64_t seq = 0;
  WallTime at{};
  std::optional<WallTime> ends_at;
  Duration interval{};
  std::vector<std::string> jobs;
  bool closed = false;
  std::string platform, resource, machine; ///< of the use (policy/limits/usage.h)
  std::optional<WallTime> began;
};
std::string heartbeat(const Place& place, const Beat& beat);

/// What lies below these paths.
std::string disk(const std::vector<std::string>& paths);
Result<std::vector<platform::DiskSeen>> read_disk(const Result<std::string>& reply);

std::string say(const Place& place, const std::vector<platform::Said>& said);

/// Nothing but whether it worked.
Result<void> read_done(const Result<std::string>& reply);

struct Opened {
  std::string level, filesystem;
  std::vector<std::string> warnings;
};
Result<Opened> read_open(const Result<std::string>& reply);

policy::Secured read_secure(const policy::JobId& id, int seq, const std::string& manifest,
                            const Result<std::string>& reply);
policy::Prepared read_resume(const policy::Job& job, const Result<std::string>& reply);

/// Another session's word that it runs a job.
struct Lease {
  std::string session;
  WallTime at{};
  WallTime expires{}; ///< three missed heartbeats, or that session's end
};

/// What another session has used: until it closed, or to one interval after its last word.
struct SessionUse {
  std::string platform;
  limits::Use use;
  bool closed = false; ///< it said that it ended; else it may have died after its last word
  std::optional<WallTime> ends_at; ///< as it was expected at its last word
};

struct Scanned {
  std::vector<policy::Job> jobs; ///< as Ended jobs, for policy::Imported
  std::map<policy::JobId, Lease> leases;
  std::vector<SessionUse> uses;
  std::vector<platform::Said> said; ///< of quotas, by people
  std::int64_t own_heartbeat_seq = 0;
  std::vector<std::string> problems;
};
Result<Scanned> read_scan(const Place& place, const Result<std::string>& reply);

/// Where the local manifest of a checkpoint lies.
std::string manifest_path(const StatePaths& paths, const policy::Job& job, int seq);

} // namespace gpujob::durable_requests
