// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/journal.h"
#include "common/time.h"

#include <cstdint>
#include <deque>
#include <string>

namespace gpujob::shim {

/// journal.jsonl. Appending never fails: a line that cannot be written now waits in memory, in
/// order.
class JournalFile {
public:
  explicit JournalFile(std::string path) : m_path(std::move(path)) {}

  void append(journal::Body body, Now now);
  /// Writes what waits; true when nothing waits any more.
  bool flush();
  [[nodiscard]] bool waiting() const { return !m_waiting.empty(); }
  [[nodiscard]] std::int64_t last_seq() const { return m_last_seq; }

  /// Where one reader is. The file is read again for each, so that memory stays small.
  struct Cursor {
    off_t offset = 0;
    std::int64_t seen = 0; ///< lines up to this seq have been given out
  };
  /// Whole lines after the cursor, at most about `bytes` of them; empty: there are no more.
  std::string read(Cursor& cursor, std::size_t bytes) const;

private:
  struct Line {
    std::int64_t seq;
    std::string text;
  };
  bool open();
  bool write(const std::string& line);

  std::string m_path;
  Fd m_fd;
  off_t m_size = 0; ///< whole lines only
  std::int64_t m_last_seq = 0;
  std::deque<Line> m_waiting;
  bool m_failed = false;
};

} // namespace gpujob::shim
