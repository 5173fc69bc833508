// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/tree.h"
#include "daemon/durable/files_at.h"
#include "daemon/durable/manifest.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reading and comparing the files of one checkpoint. In every error here Errc::refused means that
/// the bytes are not those expected or not there, Errc::io that the system said no.
namespace gpujob::durable {

/// What tells two states of one file apart.
struct Stamp {
  std::uint64_t size = 0, inode = 0;
  std::int64_t mtime_ns = 0;

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

using Sink = std::function<Result<void>(std::string_view)>;

/// All that `path` holds to `sink`, which may refuse; Errc::refused when something about the file
/// changes meanwhile, or is not as `expected`.
Result<void> read_steady(const std::string& path, const std::optional<Stamp>& expected,
                         const Sink& sink);

/// "checkpoint: PATH: changed while it was copied".
Error changed(const std::string& path);

/// Hashes the files of `tree`. Errc::refused when one is no longer what the tree says, or changes
/// while it is read: the caller may list and try again.
Result<std::vector<ManifestFile>> hash_tree(const Tree& tree);

/// Reads the file and compares size and hash.
Result<void> verify_file(const ManifestFile& file, const std::string& path);
/// All of them.
Result<void> verify_files(const Manifest& manifest, const FilesAt& files);
/// Those that the checkpoint does not share.
Result<void> verify_own_files(const Manifest& manifest, const FilesAt& files);

/// The same by size only.
Result<void> check_sizes(const Manifest& manifest, const FilesAt& files);

} // namespace gpujob::durable
