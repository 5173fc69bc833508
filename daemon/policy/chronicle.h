// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/records.h"
#include "daemon/policy/world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gpujob::policy {

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
