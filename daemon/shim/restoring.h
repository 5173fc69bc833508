// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <functional>
#include <string>
#include <vector>

/// Putting back what --checkpoint-copy has copied, before the job starts.
namespace gpujob::shim {

/// `gpujob-shim --restore PARENT FROM PATH...`: a process of its own, as the copying is. Says on
/// stdout, a line each, what restore_copies did; where it failed (1), last why.
int run_restore(int parent, const std::string& from, const std::vector<std::string>& paths);

/// Where it was killed: what it had prepared is removed. What was put back or set aside stays.
void remove_half_restored(const std::vector<std::string>& paths);

/// Takes a line for people about what was done.
using Told = std::function<void(const std::string&)>;

/// Makes `paths` what the copy at `from` holds, all of them or none: what the job wrote after the
/// copy may be half there, or of another moment than its neighbour. Only where they are equal to
/// the copy already, or are one single file that proves to be whole (a zip, safetensors, HDF5) and
/// is newer, do they stay. What is there else is set aside as PATH.stale-N. An error: the job must
/// not start, and nothing has changed but by names told.
Result<void> restore_copies(const std::string& from, const std::vector<std::string>& paths,
                            const Told& told);

} // namespace gpujob::shim
