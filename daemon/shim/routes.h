// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/launch.h"
#include "common/time.h"
#include "daemon/shim/journal_file.h"
#include "daemon/shim/route.h"

#include <csignal>
#include <optional>
#include <string>

namespace gpujob::shim {

/// The ways to a checkpoint that need nothing of the job: the user's command, and copies of what
/// the job writes. At a request those that were given are started; their ends are journaled as the
/// job's own word would be. `launch`, `journal` and `cmdline` outlive it.
class Routes {
public:
  struct Wanted {
    std::string reason; ///< GPUJOB_CHECKPOINT_REASON
    int job_pid = 0;
    int output = -1; ///< the job's log
    BootTime deadline{};
  };

  Routes(const Launch& launch, const Fd& cmdline, JournalFile& journal)
      : m_launch(&launch), m_cmdline(&cmdline), m_journal(&journal) {}

  /// One that still runs for an earlier request is started again when it has ended and its save was
  /// told: what it saves may be older than this one.
  void ask(const Wanted& wanted, Now now);
  /// Whether it was one of these; `acknowledged`: it saved.
  bool ended(const siginfo_t& how, Now now, bool& acknowledged);
  /// Ends what has passed its deadline, and says so.
  void tick(Now now);
  [[nodiscard]] std::optional<BootTime> next() const;
  /// The job was given more time: so are these.
  void extend(BootTime deadline);
  /// The attempt is over, or being ended: no copy is made any more. The command ends with the tree.
  void end_copy(BootTime now);

  /// Whether a copy is still to be waited for; not for ever for one that KILL does not end.
  [[nodiscard]] bool copying(BootTime now) const;
  /// The session of the command, which is not the job and asked nothing; 0: none runs.
  [[nodiscard]] int command_session() const { return m_command.pid(); }

private:
  void start_command(Now now);
  void start_copy(Now now);
  bool tell(const char* route, const Route::End& end, bool told, bool again, Now now);
  void failed(const char* route, const std::string& why, Now now);

  const Launch* m_launch;
  const Fd* m_cmdline;
  JournalFile* m_journal;
  Wanted m_wanted;
  Route m_command, m_copy;
  bool m_command_again = false, m_copy_again = false;
  bool m_command_told = false, m_copy_told = false; ///< its end is known before it comes
  BootTime m_copy_killed{};
  int m_copies = 0;
};

} // namespace gpujob::shim
