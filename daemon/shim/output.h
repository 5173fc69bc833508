// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// The path a line of output says a checkpoint is at, empty when it names none; nothing when the
/// line is no sentinel. The line comes without its newline.
std::optional<std::string> sentinel_path(std::string_view line);

/// Finds sentinels in a stream of output. Holds at most the start of one line.
class SentinelScanner {
public:
  /// Paths of the sentinels that `bytes` completes.
  std::vector<std::string> feed(std::string_view bytes);
  /// The end of the output ends its last line too.
  std::vector<std::string> finish();
  /// Bytes were left out: what comes first now is the rest of an unknown line.
  void skipped();

private:
  void keep(std::string_view part);

  std::string m_line;
  bool m_discard = false; ///< the current line is too long, or its start is unknown
};

/// output.log: the child writes to it itself; the shim reads along and keeps it below its cap.
class Output {
public:
  /// Opens or makes the file. Without one (a full disk) the job still runs: fd() is then -1.
  Output(const std::string& path, std::int64_t max_bytes);

  [[nodiscard]] int fd() const { return m_fd.get(); }
  /// Sentinels written since the last call; far behind, it skips ahead.
  std::vector<std::string> scan();
  std::vector<std::string> finish();
  /// Frees the oldest part when the file takes more disk than its cap.
  void enforce_cap();
  /// A line of our own, for the user to find where the program's words would be.
  void say(std::string_view line);

private:
  std::string m_path;
  Fd m_fd;
  std::int64_t m_max_bytes;
  std::int64_t m_offset = 0;
  SentinelScanner m_scanner;
};

} // namespace gpujob::shim
