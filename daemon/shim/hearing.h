// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/shim/journal_file.h"
#include "daemon/shim/notify.h"

#include <optional>
#include <string>

namespace gpujob::shim {

/// Turns what the job says into journal records: each thing once, and not more often than somebody
/// could want to read it. `journal` outlives it.
class Hearing {
public:
  Hearing(JournalFile& journal, std::string cwd) : m_journal(&journal), m_cwd(std::move(cwd)) {}

  void hear(const Notice& notice, Now now);
  /// A sentinel line on stdout.
  void hear_sentinel(const std::string& path, Now now);
  void mark_done(Now now);

  /// Writes what had to wait, when it is due.
  void tick(Now now);
  /// Writes it now: nothing more will come.
  void flush(Now now);
  [[nodiscard]] std::optional<BootTime> next() const;
  [[nodiscard]] bool done() const { return m_done; }

private:
  void hear_checkpoint(const char* how, const std::string& path, std::optional<std::int64_t> step,
                       Now now);

  JournalFile* m_journal;
  std::string m_cwd;
  std::string m_status; ///< last one written
  std::optional<std::string> m_new_status;
  std::optional<double> m_progress; ///< last one written
  std::optional<double> m_new_progress;
  BootTime m_free_at{}; ///< until then status and progress wait
  bool m_ready = false;
  bool m_stopping = false;
  bool m_done = false;
};

} // namespace gpujob::shim
