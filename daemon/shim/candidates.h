// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/shim/targets.h"

#include <vector>

namespace gpujob::shim {

/// What the members of the job catch now, read from /proc.
std::vector<Candidate> read_candidates(const std::vector<proc::Stat>& members);

/// Sends CONT and `signal` to those who still catch it at this moment; who was signalled.
std::vector<int> signal_catchers(const std::vector<proc::Stat>& targets, int signal);

} // namespace gpujob::shim
