// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/tree.h"
#include "daemon/durable/files_at.h"
#include "daemon/durable/manifest.h"

#include <string>
#include <vector>

/// Reading, copying and comparing the files of one checkpoint. In every error here Errc::refused
/// means that the bytes are not those expected or not there, Errc::io that the system said no.
namespace gpujob::durable {

/// Hashes the files of `tree`. Errc::refused when one is no longer what the tree says, or changes
/// while it is read: the caller may list and try again.
Result<std::vector<ManifestFile>> hash_tree(const Tree& tree);

struct Copy {
  const Manifest& manifest; ///< what the copy must be
  FilesAt from;
  std::string to;           ///< exists; to/<file's path> do not
  bool into_durable = true; ///< those that are shared there left out, modes 0600 and 0700;
                            ///< otherwise all, with the modes of the manifest
  bool* is_full = nullptr;  ///< set when the storage said so
};

/// Copies and hashes on the way, each file from one descriptor; fsyncs files and directories.
Result<void> copy_files(const Copy& copy);

/// One file into the durable directory; `to` is not there.
Result<void> copy_file(const ManifestFile& file, const std::string& from, const std::string& to);

/// Reads the file back and compares size and hash.
Result<void> verify_file(const ManifestFile& file, const std::string& path);
/// All of them.
Result<void> verify_files(const Manifest& manifest, const FilesAt& files);
/// Those that the checkpoint does not share.
Result<void> verify_own_files(const Manifest& manifest, const FilesAt& files);

/// The same by size only.
Result<void> check_sizes(const Manifest& manifest, const FilesAt& files);

} // namespace gpujob::durable
