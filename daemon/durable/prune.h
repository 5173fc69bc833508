// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/place.h"

#include <cstdint>
#include <string>

namespace gpujob::durable {

/// Called when checkpoint `seq` of `writer` has reached its level. Removes the oldest valid
/// checkpoints of the job beyond the newest `keep` (at least one always stays), of its attempt and
/// earlier ones, and what unfinished copies left. Returns how many checkpoints went.
int prune(const std::string& dir, const AttemptKey& writer, std::int64_t seq, std::int64_t keep);

} // namespace gpujob::durable
