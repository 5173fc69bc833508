// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"
#include "common/time.h"
#include "daemon/shim/child.h"

#include <csignal>
#include <optional>
#include <string>

namespace gpujob::shim {

/// One process that makes a checkpoint in place of the job, with a deadline. A child of this one,
/// in a session of its own, so that it can be ended with what it started.
class Route {
public:
  /// Its end, in words.
  struct End {
    bool saved = false;
    std::string text; ///< what it said last; where that is nothing, "exit 3"
  };

  /// `output`: its stdout and stderr; -1: kept for End::text.
  Result<void> start(const Program& program, int output, BootTime deadline);

  [[nodiscard]] bool running() const { return m_child.pid > 0; }
  /// Its pid and session; 0: none runs.
  [[nodiscard]] int pid() const { return m_child.pid; }
  [[nodiscard]] BootTime deadline() const { return m_deadline; }
  void move_deadline(BootTime at) { m_deadline = at; }

  /// It has ended like this; to be called before it is reaped, if it is the one.
  End ended(const siginfo_t& how);
  /// KILL to it and its group. What it said last.
  std::string kill();
  /// The last it has said, where that is kept.
  [[nodiscard]] std::string said() const;

private:
  [[nodiscard]] std::string last_line() const;

  Child m_child;
  std::string m_program;
  Fd m_said; ///< what it says, where that is kept
  BootTime m_deadline{};
};

} // namespace gpujob::shim
