// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/policy/gpus.h"
#include "daemon/policy/job.h"
#include "daemon/policy/saving/hazard.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Everything the daemon believes, as plain values. Boot times are of this boot only; what must
/// survive a boot is wall time.
namespace gpujob::policy {

inline constexpr std::size_t k_lives_kept = 256;

/// The session as the core sees it. No limit: nothing is ever planned.
struct Session {
  std::string id;
  std::optional<Duration> limit;
  std::optional<BootTime> ends_at;  ///< the platform's end
  std::optional<BootTime> plan_end; ///< ends_at less the margin: everything is planned to this
  std::optional<BootTime> noticed;  ///< when the platform gave notice of that end
  std::string end_why{};            ///< what moved it, for people; empty: the session's own limit
  std::string end_by{};             ///< "the gpu quota"; empty: the session's own limit
  std::optional<BootTime> idle_end; ///< when it may be taken for idle; nullopt: not, or not known
  BootTime idle_since{};            ///< the last activity before that
  Duration end_spread{};            ///< of ends_at, a standard deviation; 0: it is sharp
  /// How sessions of this platform have died without a word, by the ledger.
  struct Deaths {
    double deaths = 0;                          ///< a share where it may have been the cap
    Duration lived{};                           ///< all of them together
    int sessions = 0;                           ///< that this rests on
    std::vector<saving::Bathtub::Life> lives{}; ///< each of them, at most k_lives_kept

    friend bool operator==(const Deaths&, const Deaths&) = default;
  } deaths;
  std::optional<Transient> transient; ///< nullopt: of no such kind
  bool durable = false;               ///< there is a durable directory
  /// What saves are copied to, as a save's sample names it; empty: not known.
  std::string storage;
  Duration heartbeat_interval = std::chrono::seconds{60};
};

/// "the session's limit of 9h 00m", "the gpu quota", "a notice: preempted"
std::string what_ends(const Session& s);

/// Jobs that wait, by order.
using Line = std::set<std::pair<std::int64_t, JobId>>;
/// What a job asks of GPUs: the words of --gpus and --gpu-memory.
using GpuAsk = std::pair<std::string, std::optional<std::int64_t>>;

/// A line for people who watch a job.
struct Announcement {
  JobId job;
  std::string text;
  bool log_only = false; ///< watchers learn it from the job's state
  bool warning = false;  ///< of the session: for a person who is not watching, too
};

/// What has been told of a GPU's Xids (gpu_xid.cpp). Not stored: a probe knows none of before it.
struct XidsTold {
  struct Warning {
    BootTime at{};
    std::set<JobId> jobs;
  };
  std::int64_t seen = 0;
  std::int64_t told = 0; ///< of those, before or with the newest warning
  bool unseen = false;   ///< since then one came between looks, its code is not known
  std::map<std::int64_t, Warning> recent; ///< by code
};

struct World {
  Session session;
  Gpus gpus;
  /// A job that may have used GPUs has ended, or nobody has looked at them yet: until then the look
  /// that tells of it may still come.
  std::optional<BootTime> look_due_until;
  std::map<std::string, XidsTold> xids; ///< by the GPU's UUID
  int slots = 1;
  /// The user said how many: then all jobs share them. Else those that asked for GPUs need none,
  /// since they are limited by GPUs.
  bool slots_said = false;
  std::map<JobId, Job> jobs;
  Line queue; ///< jobs in Queued
  /// The same, by what they ask for: who is refused is refused for all behind him who ask for the
  /// same, so that thousands of them cost a wake-up no more than one.
  std::map<GpuAsk, Line> asks;
  /// Not later than the first instant at which a queued job would be refused; nullopt: never. It
  /// spares every wake-up a walk through the queue.
  std::optional<BootTime> queue_due;
  std::set<JobId> active; ///< Starting, Running, Ending, or Ended with work left
  std::int64_t next_order = 1;
  std::optional<BootTime> heartbeat_due; ///< nullopt: none is owed (no durable directory)
  std::int64_t heartbeat_seq = 0;
  bool heartbeat_issued = false; ///< one is being written; the next waits for it

  std::set<JobId> dirty;                   ///< changed since the last commit; the loop clears it
  std::vector<Announcement> announcements; ///< the loop drains it
};

/// Whether another session would find it in the durable directory: an attempt that saved nothing is
/// recorded there, too.
bool found_by_others(const World& w, const Job& job);

/// Jobs at work that count against `slots`.
int jobs_in_slots(const World& w);

} // namespace gpujob::policy
