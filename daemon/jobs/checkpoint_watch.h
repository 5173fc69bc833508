// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <map>
#include <string>
#include <vector>

namespace gpujob::jobs {

struct FoundCheckpoint {
  std::string path;
  std::string signature;
  BootTime since{}; ///< first seen like this
};

/// Looks for complete checkpoints of one attempt in its directories. Passive: the owner calls
/// look() now and then. Works without inotify, which FUSE and NFS do not offer.
class CheckpointWatch {
public:
  CheckpointWatch(std::string dir, std::vector<std::string> globs);

  /// Signatures of what is there before the job begins.
  [[nodiscard]] std::vector<std::string> baseline() const;

  /// Checkpoints unchanged for two seconds (or, `at_once`, as they are) that pass their layout's
  /// own test, oldest first. Each signature is reported once.
  std::vector<FoundCheckpoint> look(BootTime now, bool at_once);

  /// Marks as reported: the job has told about it itself.
  void known(const std::string& signature);

private:
  struct Seen {
    std::string signature;
    BootTime since{};
    bool reported = false;
  };
  std::string m_dir;
  std::vector<std::string> m_globs;
  std::map<std::string, Seen> m_seen; ///< by path
};

/// The signature of what lies at `path` now; empty when nothing does.
std::string signature_of(const std::string& path);

} // namespace gpujob::jobs
