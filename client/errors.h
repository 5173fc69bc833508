// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

namespace gpujob::client {

/// 1 refused or failed, 2 usage, 3 daemon unreachable, 4 protocol version mismatch.
int exit_code(Errc code);

} // namespace gpujob::client
