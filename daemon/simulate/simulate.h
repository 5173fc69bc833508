// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob::simulate {

/// `gpujobd --simulate ...`, which `gpujob simulate` becomes: ways to decide when to save, on the
/// same sessions, by the code that plans for real jobs, on a clock that costs nothing. The
/// arguments are those after --simulate, behind a program's name. Returns the exit code: 1 when
/// --strict and a figure is missed, 2 for a usage error.
int simulate_main(int argc, char** argv);

} // namespace gpujob::simulate
