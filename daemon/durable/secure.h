// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/attempt.h"
#include "daemon/durable/place.h"
#include "daemon/durable/space.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gpujob::durable {

class Progress;

/// The record of an attempt that is not known to be written.
struct Owed {
  AttemptKey key;
  Begin begin;
};

struct SecureRequest {
  AttemptKey key;
  std::int64_t seq = 0;
  std::string path; ///< what the job or the watcher says is a checkpoint
  std::string how;
  std::optional<std::int64_t> step;
  std::int64_t at_ns = 0;
  std::string dir;      ///< the durable directory; empty: none. The spool of `remote`, if any
  std::string remote;   ///< rclone's "NAME:PATH"; empty: the directory is the storage itself
  std::string manifest; ///< where the local manifest goes; empty: nowhere
  std::int64_t keep = 1;
  std::optional<Cap> cap;       ///< what the durable directory may hold, where somebody said it
  std::string past;             ///< Manifest::past
  std::optional<double> save_s; ///< what the job took to save it, where that is known
  std::string storage;          ///< Took::storage
  std::optional<Owed> owed{};   ///< goes first (owed.h)
  Progress* progress = nullptr; ///< told of what is copied; null: nobody looks
};

struct Secured {
  bool verified = false; ///< whole, unchanged while it was hashed, and kept with a manifest
  bool unknown = false;  ///< could not be looked at, or no manifest could be written: no verdict
  std::string why;       ///< why not
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::string durable_path; ///< empty: not in the durable directory
  std::string durable_error;
  int pruned = 0;           ///< older checkpoints that were removed
  std::uint64_t shared = 0; ///< bytes that were in the durable directory already
  double verify_s = 0, copy_s = 0;
  std::optional<int> begun; ///< the attempt whose record was owed and is written
};

/// Proves that a checkpoint is whole, writes its local manifest, copies it to the durable
/// directory (make_durable.h). One that changes meanwhile is tried three times.
Secured secure(const SecureRequest& request);

} // namespace gpujob::durable
