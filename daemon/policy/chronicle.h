// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What happened, to be kept for people who look later (`gpujob report`).
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

/// Tells from how the world has changed what there is to be kept. Looks once at each wake-up,
/// before its commit, so that what is kept and what it tells of are one transaction: a daemon that
/// begins with the stored world goes on exactly where the record ends.
class Chronicle {
public:
  /// `w` as it was stored: nothing of it is news.
  explicit Chronicle(const World& w);

  void add(Occurrence occurrence);
  /// By `w.dirty`, `w.announcements` and the session's end.
  void look(const World& w, Now now);

  [[nodiscard]] const NewRecords& news() const { return m_news; }
  /// The news are stored.
  void stored() { m_news = {}; }

private:
  struct SeenCheckpoint {
    CheckpointState state;
    bool durable;
  };
  struct Seen {
    int begun = 0; ///< the newest attempt whose start is no news
    std::int64_t failures = 0;
    bool waits = false; ///< queued or starting
    bool held = false;
    bool told_no_catch = false;
    std::optional<AttemptRecord> run; ///< the one under way
    std::map<int, SeenCheckpoint> checkpoints;
  };

  static Seen seen_of(const Job& job);
  void look_at(const Job& job, Seen& seen, Now now);
  void look_at_start(const Job& job, Seen& seen, Now now);
  void look_at_checkpoints(const Job& job, Seen& seen, Now now);
  void look_at_run(const Job& job, Seen& seen, Now now);
  void look_at_waiting(const Job& job, Seen& seen, Now now);
  void look_at_announcements(const World& w, Now now);
  void look_at_session(const Session& session, Now now);
  void tell(const Job& job, Happened kind, WallTime at, int attempt, std::string text);

  std::map<JobId, Seen> m_seen; ///< of jobs that have not ended, or that still save
  std::optional<BootTime> m_ends_at, m_noticed;
  NewRecords m_news;
};

} // namespace gpujob::policy
