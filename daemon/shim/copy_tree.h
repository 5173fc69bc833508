// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/tree.h"

#include <string>
#include <vector>

namespace gpujob::shim {

/// What lies at these paths now. Errc::not_found when one is not there.
Result<std::vector<Tree>> list_all(const std::vector<std::string>& paths);

/// Copies a tree below `into`, under its own name: every byte on disk, with the times it had.
/// Errc::refused: it is not any more what was listed.
Result<void> copy_tree(const Tree& tree, const std::string& into);

/// Whether the directory holds copies of just these, by names, sizes and times.
bool is_copy_of(const std::string& directory, const std::vector<Tree>& trees);

/// Whether two trees hold the same files, byte by byte; of the same name at their roots.
bool same_content(const Tree& a, const Tree& b);

} // namespace gpujob::shim
