// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/tree.h"

#include <string>
#include <vector>

namespace gpujob::shim {

/// A file of these trees that a process below the shim of this pid has open for writing; empty:
/// none. What lies beside checkpoints (logs, event files) may stay open.
std::string open_for_writing(int shim, const std::vector<Tree>& trees);

} // namespace gpujob::shim
