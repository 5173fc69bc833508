// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"

namespace gpujob::shim {

/// What the daemon hands over on descriptors 0 and 1.
struct Inherited {
  Fd cmdline; ///< the sealed command line
  Fd lock;    ///< flocked for as long as it is open
};

/// Moves them out of the way, close-on-exec, and closes everything else but stderr: an accepted
/// socket of the daemon kept open here would keep its client waiting for the end.
Inherited take_descriptors();

/// Own session, subreaper, and deaf to the signals with which a notebook kernel or a batch system
/// ends what it started.
void prepare_process();

} // namespace gpujob::shim
