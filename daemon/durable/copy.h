// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/hashing.h"

#include <optional>
#include <set>
#include <string>

/// Copying the files of one checkpoint. Errors as in hashing.h.
namespace gpujob::durable {

/// Paths of files, as manifests have them.
using Paths = std::set<std::string>;

struct Copy {
  const Manifest& manifest; ///< what the copy must be
  FilesAt from;
  std::string to;               ///< exists; to/<file's path> do not
  bool into_durable = true;     ///< see below
  bool* is_full = nullptr;      ///< set when the storage said so
  const Paths* there = nullptr; ///< were copied before
  Sink sink{};                  ///< sees what is written into the durable directory
};

/// Copies, and fsyncs files and directories. Into the durable directory with modes 0600 and 0700,
/// without what is shared there, and unproven: to be read back. Out of it with the modes of the
/// manifest, and every byte is hashed on the way.
Result<void> copy_files(const Copy& copy);

/// One file into the durable directory, unproven; `to` is not there. `expected`: what it was.
/// `sink` sees what is written and may refuse. What is there after an error is to be removed.
Result<void> copy_file(const std::string& from, const std::optional<Stamp>& expected,
                       const std::string& to, bool* is_full = nullptr, const Sink& sink = {});

} // namespace gpujob::durable
