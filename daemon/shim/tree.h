// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/proc.h"

#include <functional>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// The processes below `root` in a snapshot, without those for which `apart` holds and without
/// anything below these. The leader is never apart: between fork and exec it looks like the shim.
std::vector<proc::Stat> below(int root, int leader, const std::vector<proc::Stat>& all,
                              const std::function<bool(const proc::Stat&)>& apart);

/// Whether an executable is supervision, not the job: a daemon that this shim brought back and the
/// shims below it are its descendants too. `exe` is the target of /proc/PID/exe.
bool is_supervision(std::string_view exe);

/// What is alive of the job now: all descendants of this process but supervision and zombies.
std::vector<proc::Stat> job_members(int leader);

/// Without any child it is certain that nothing of the job is left: this process is its subreaper.
bool no_children();

/// Signals exactly this process: nothing is sent when its pid has been reused.
bool signal_process(const proc::Stat& process, int signal);

/// TERM or KILL for the whole job: the leader's process group, where the leader has not been reaped
/// (`leader` > 0), and by pidfd everybody outside of that group. Each gets it once.
void signal_job(int leader, const std::vector<proc::Stat>& members, int signal);

} // namespace gpujob::shim
