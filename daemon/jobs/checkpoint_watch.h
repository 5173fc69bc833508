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

struct PassedOver {
  std::string path;
  std::string why;
};

struct KnownCheckpoint {
  std::string path;
  std::string signature;
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

  /// What a look passed over since this was last asked: quiet for as long, and not complete. Each
  /// signature once.
  [[nodiscard]] std::vector<PassedOver> take_passed_over();

  /// What was heard of already, by the job's word or before this watch began, is not found again;
  /// nor is what was written before it, which would count as newer for being found later.
  void known(const std::vector<KnownCheckpoint>& known);

private:
  struct Seen {
    std::string signature;
    BootTime since{};
    bool reported = false;
    bool passed_over = false;
  };
  std::string m_dir;
  std::vector<std::string> m_globs;
  std::map<std::string, Seen> m_seen; ///< by path
  std::vector<PassedOver> m_passed_over;
};

/// The signature of what lies at `path` now; empty when nothing does.
std::string signature_of(const std::string& path);

} // namespace gpujob::jobs
