// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>
#include <vector>

/// Checkpoints of what a job itself rewrites from time to time (--checkpoint-copy): all the paths
/// together are one, a directory `copy-ATTEMPT-NUMBER` with each under its own name.
namespace gpujob::shim {

/// `gpujob-shim --copy PARENT DIR NAME PATH...`: a process of its own, since it takes as long as
/// the disk does; who wants no more of it kills it. Waits until every path is whole, has been quiet
/// for two seconds and is open for writing in no process of the job, copies them to
/// DIR/.copies/NAME, and looks again: what was written meanwhile is not taken. Says on stdout, a
/// line each, why it still waits, and last the path of the copy (then 0) or why there is none (1).
/// What is the newest copy already is that one, not copied again. None is made where the disk would
/// have less room left than the copy takes.
int run_copy(int parent, const std::string& dir, const std::string& name,
             const std::vector<std::string>& paths);

/// Whether the name of a checkpoint says that it is one of these copies.
bool is_copy(const std::string& checkpoint);

} // namespace gpujob::shim
