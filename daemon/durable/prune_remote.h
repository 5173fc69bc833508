// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/place.h"
#include "daemon/durable/remote.h"

#include <cstdint>

namespace gpujob::durable {

/// As prune(), on a remote: exactly the checkpoints that are too many, by name, the manifest first.
/// Also removes what was withdrawn before and is still there, and uploads of `writer` before `seq`
/// that came to no end. Returns how many checkpoints went.
int prune_remote(const Remote& remote, const AttemptKey& writer, std::int64_t seq,
                 std::int64_t keep);

} // namespace gpujob::durable
