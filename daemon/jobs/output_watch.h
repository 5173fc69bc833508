// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/jobs/progress_bar.h"
#include "daemon/jobs/progress_reader.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::jobs {

/// Reads what an attempt's output has grown by, for the progress bars in it. Passive: the owner
/// calls look() now and then. The file is one of this machine's disk, so reading it holds up
/// nobody.
class OutputWatch {
public:
  explicit OutputWatch(std::string path);

  /// The newest reading since the last look; nullopt: nothing new. Of output that grew faster than
  /// it is looked at, only the end is read.
  std::optional<ProgressBar> look();

private:
  std::string m_path;
  std::int64_t m_read = 0; ///< so far, bytes from the beginning
  ProgressReader m_reader;
};

} // namespace gpujob::jobs
