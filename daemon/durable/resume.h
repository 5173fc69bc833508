// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gpujob::durable {

class Remote;

/// Where one checkpoint may be; empty: not there.
struct ResumeCandidate {
  std::string path;         ///< on this VM
  std::string manifest;     ///< of that
  std::string durable_path; ///< .../checkpoints/<seq>
};

struct Rejected {
  std::string path;
  std::string why;
};

struct Resumed {
  std::optional<std::string> path; ///< what GPUJOB_RESUME will be
  std::optional<std::size_t> index;
  std::string from = "none"; ///< local, durable, none
  std::vector<Rejected> rejected;
};

/// The first candidate (newest first) of which every byte agrees with its manifest: as it lies on
/// this VM, else restored from the durable directory into `ckpt_dir`. What lies there under the
/// same name and disagrees is moved aside to <name>.stale-<n>.
/// What `remote` (null: none) has stored is brought from there. `is_there` says whether the durable
/// directory answers. An error: one that may be good cannot be had now. Only one that is known to
/// be no good is passed over for an older one, since what is newer would be lost.
Result<Resumed> resume(const std::string& ckpt_dir, const std::vector<ResumeCandidate>& candidates,
                       const Remote* remote, const std::function<Result<void>()>& is_there);

} // namespace gpujob::durable
