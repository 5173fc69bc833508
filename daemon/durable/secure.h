// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/place.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::durable {

struct SecureRequest {
  AttemptKey key;
  std::int64_t seq = 0;
  std::string path; ///< what the job or the watcher says is a checkpoint
  std::string how;
  std::optional<std::int64_t> step;
  std::int64_t at_ns = 0;
  std::string dir;      ///< the durable directory; empty: none
  std::string manifest; ///< where the local manifest goes; empty: nowhere
  std::int64_t keep = 1;
};

struct Secured {
  bool verified = false; ///< whole, unchanged while it was hashed, and kept with a manifest
  bool unknown = false;  ///< could not be looked at, or no manifest could be written: no verdict
  std::string why;       ///< why not
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::string durable_path; ///< empty: not in the durable directory
  std::string durable_error;
  int pruned = 0;
  double verify_s = 0, copy_s = 0;
};

/// Proves that a checkpoint is whole, writes its local manifest, copies it to the durable
/// directory. One that changes meanwhile is tried three times. One that is there already as the
/// newest of its job is not copied again.
Secured secure(const SecureRequest& request);

} // namespace gpujob::durable
