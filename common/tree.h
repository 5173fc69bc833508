// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// A file, or a directory with all below it, seen as one thing: what a checkpoint is on disk.
/// Listing opens no file; a link to a regular file counts as that file, no other link is followed.
namespace gpujob {

struct TreeFile {
  std::string relative; ///< to the parent of the tree's root: "model.pt", "checkpoint-5/model.pt"
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  mode_t mode = 0600; ///< permission bits

  friend bool operator==(const TreeFile&, const TreeFile&) = default;
};

struct Tree {
  std::string parent; ///< of the root; files lie at parent + "/" + relative
  std::string name;   ///< of the root
  bool is_dir = false;
  std::vector<TreeFile> files;     ///< sorted by `relative`
  std::vector<std::string> dirs;   ///< the root among them; sorted
  std::vector<std::string> others; ///< sockets, pipes, dangling links, links to directories
  bool truncated = false;          ///< there was more than the limit

  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::int64_t newest_mtime_ns() const; ///< 0 without files
  friend bool operator==(const Tree&, const Tree&) = default;
};

/// Lists what lies at `path` (absolute; the root itself may be a link), at most `max_files`.
/// Errc::not_found when nothing is there; what vanishes meanwhile is left out.
Result<Tree> list_tree(const std::string& path, std::size_t max_files);

/// Opens a regular file for reading; never waits on a pipe, never opens a device.
Result<Fd> open_regular(const std::string& path);

/// The last component, without slashes behind it.
std::string base_name(std::string_view path);
/// All before the last component: "/" or without a slash behind it; "." where there is none.
std::string parent_path(std::string_view path);

} // namespace gpujob
