// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/early_copy.h"
#include "daemon/durable/manifest.h"
#include "daemon/durable/secure.h"

#include <string>

namespace gpujob::durable {

/// Stores the checkpoint `m`, hashed a moment ago at its source, in the durable directory of `q`,
/// and returns where: .../checkpoints/<seq>. One that is there already as the newest of its job is
/// not copied again, nor is a file that an earlier checkpoint has. Where it does not fit, older
/// checkpoints make room, and it is refused before a byte is written if that is not enough; the
/// newest that proves good always stays. Counts in `out` what was removed and shared.
/// Errc::refused: the source changed meanwhile.
/// `early` has begun to copy it.
Result<std::string> make_durable(const SecureRequest& q, const Manifest& m, EarlyCopy& early,
                                 Secured& out);

} // namespace gpujob::durable
