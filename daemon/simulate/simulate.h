// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/simulate/trace.h"

#include <functional>

namespace gpujob::simulate {

/// Reads a durable directory's sessions, oldest first: the room of durable's business.
using LedgerReader = std::function<Result<std::vector<Recorded>>(const std::string& dir)>;

/// `gpujobd --simulate ...`, which `gpujob simulate` becomes: ways to decide when to save, on the
/// same sessions, by the code that plans for real jobs, on a clock that costs nothing. The
/// arguments are those after --simulate, behind a program's name. Returns the exit code: 1 when
/// --strict and a figure is missed, 2 for a usage error.
int simulate_main(int argc, char** argv, const LedgerReader& ledger);

} // namespace gpujob::simulate
