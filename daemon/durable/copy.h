// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/tree.h"
#include "daemon/durable/manifest.h"

#include <string>
#include <vector>

/// Reading, copying and comparing the files of one checkpoint. In every error here Errc::refused
/// means that the bytes are not those expected, Errc::io that the system said no.
namespace gpujob::durable {

/// Hashes the files of `tree`. Errc::refused when one is no longer what the tree says, or changes
/// while it is read: the caller may list and try again.
Result<std::vector<ManifestFile>> hash_tree(const Tree& tree);

struct Copy {
  const Manifest& manifest; ///< what the copy must be
  std::string from;         ///< root/<file's path> on both sides
  std::string to;           ///< exists; the files below do not
  bool into_durable = true; ///< modes 0600 and 0700 there; otherwise those of the manifest
};

/// Copies and hashes on the way, each file from one descriptor; fsyncs files and directories.
Result<void> copy_files(const Copy& copy);

/// Reads every file back and compares size and hash.
Result<void> verify_files(const Manifest& manifest, const std::string& root);

/// The same by size only.
Result<void> check_sizes(const Manifest& manifest, const std::string& root);

} // namespace gpujob::durable
