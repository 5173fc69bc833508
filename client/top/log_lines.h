// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/model.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace gpujob::client::top {

/// What is to be seen of a line of output: of what a progress bar has overwritten the last state,
/// tabs as spaces, no colours. Not yet printable.
std::string log_text(std::string_view line);

/// The lines of the end of a log. Of a first one that is cut off nothing is kept.
std::vector<std::string> last_lines(std::string_view bytes, bool cut_off);

/// The end of a job's log, read again when it has changed.
class LogTail {
public:
  /// Makes `log` what the file at `path` (empty: none yet) ends with now. A file that cannot be
  /// read has no lines.
  void look(const std::string& path, Log& log);

private:
  std::string m_path;
  off_t m_size = -1;
  std::int64_t m_changed_ns = 0;
};

} // namespace gpujob::client::top
