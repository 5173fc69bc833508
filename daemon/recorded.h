// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/simulate/trace.h"

#include <string>
#include <vector>

namespace gpujob {

/// The sessions in a durable directory's ledger, oldest first, for `gpujob simulate --ledger`. One
/// that did not close lived, as far as anybody knows, to an interval after its last heartbeat.
/// What cannot be read is left out and said on stderr.
Result<std::vector<simulate::Recorded>> read_recorded(const std::string& dir);

} // namespace gpujob
