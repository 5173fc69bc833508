// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/launch.h"
#include "common/time.h"
#include "daemon/shim/journal_file.h"
#include "daemon/shim/targets.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::shim {

/// Asks the job for checkpoints: writes the notice file, chooses whom to signal, signals, and
/// journals what it really did. `journal` outlives it.
class Asking {
public:
  Asking(const Launch& launch, std::string notice_path, int leader, JournalFile& journal,
         BootTime started);

  /// Looks, when it is time to, whether the job catches a checkpoint signal by now; true once.
  bool look(Now now);
  [[nodiscard]] std::optional<BootTime> next_look() const { return m_next_look; }
  /// Whether there is anything to wait for before the first request.
  [[nodiscard]] bool needs_catch() const { return !m_rule.signals.empty(); }

  void ask_final(const Plan& plan, std::optional<WallTime> deadline, Now now);
  void ask_continue(std::int64_t number, Now now);
  /// The job has saved: a continue request is closed, so that code which polls does not save again.
  void acknowledged(Now now);

  /// Whether the notice file says what it should; a full disk is tried again.
  bool retry_notice();

  [[nodiscard]] bool outstanding() const { return m_continue_open || m_final_sent; }
  [[nodiscard]] bool final_was_sent() const { return m_final_sent; }
  /// It was asked for something after which it ends: its exit code 0 is no "done".
  [[nodiscard]] bool end_was_asked() const { return m_final_sent || m_exit_asked; }
  /// Processes of this session are not the job: the checkpoint command. 0: there are none.
  void leave_out(int session) { m_left_out = session; }

private:
  [[nodiscard]] Choice choose(bool goes_on, Duration grace, Now now);
  void take_recipe(const std::vector<Candidate>& candidates, Now now);
  [[nodiscard]] Duration expected_save(Duration grace) const;
  void write_notice(std::string text);
  void write_down(journal::Requested record, const Choice& choice, Now now);

  std::string m_notice_path;
  TargetRule m_rule;
  std::string m_chosen_recipe; ///< --recipe
  const Recipe* m_recipe = nullptr;
  Duration m_longest_save;
  std::optional<BootTime> m_asked;
  int m_leader;
  int m_left_out = 0;
  JournalFile* m_journal;
  BootTime m_started;
  std::optional<BootTime> m_next_look;
  std::optional<std::string> m_owed_notice;
  bool m_continue_open = false;
  bool m_final_sent = false;
  bool m_exit_asked = false;
};

} // namespace gpujob::shim
