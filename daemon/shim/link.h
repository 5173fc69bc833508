// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/frame.h"
#include "common/plan.h"
#include "common/result.h"
#include "daemon/shim/journal_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gpujob::shim {

struct Hello {
  std::int64_t from = 0;
};
struct NewPlan {
  Plan plan;
};
struct ContinueRequest {
  std::int64_t number = 0;
};
/// Of a newer daemon; passed over.
struct UnknownOp {};

using Command = std::variant<Hello, NewPlan, ContinueRequest, UnknownOp>;

/// One line from the daemon.
Result<Command> parse_command(std::string_view line);

/// The daemon's connection: what it says comes out of receive(), what the journal holds goes in by
/// itself. Owns listener and connection; the owner polls them. `journal` and `cmdline` outlive it.
class Link {
public:
  Link(Fd listener, const Fd& cmdline, const JournalFile& journal)
      : m_listener(std::move(listener)), m_cmdline(&cmdline), m_journal(&journal) {}

  [[nodiscard]] int listener() const { return m_listener.get(); }
  [[nodiscard]] int connection() const { return m_connection.get(); }
  [[nodiscard]] bool wants_write() const { return !m_unsent.empty(); }
  /// A daemon has said hello and is still there.
  [[nodiscard]] bool connected() const { return m_connection && m_greeted; }

  /// A newer connection replaces the older one.
  void accept_new();
  /// What has arrived, hello handled here. Garbage ends the connection: the daemon connects again.
  std::vector<Command> receive();
  /// Sends what the journal holds beyond what was sent, as far as the socket takes it.
  void pump();

private:
  void drop(std::string_view why);
  bool greet(const Hello& hello);
  bool send_some();

  Fd m_listener;
  const Fd* m_cmdline;
  const JournalFile* m_journal;
  Fd m_connection;
  bool m_greeted = false;
  FrameReader m_frames;
  JournalFile::Cursor m_cursor;
  std::string m_unsent;
};

} // namespace gpujob::shim
