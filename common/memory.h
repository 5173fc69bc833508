// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

namespace gpujob {

/// Memory that is short may be there again in a moment, and a supervisor that died of it would take
/// its job along: from now on operator new waits for it, so long at most, before it throws.
void wait_for_memory(Duration patience);

} // namespace gpujob
