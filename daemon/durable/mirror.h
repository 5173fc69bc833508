// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/manifest.h"

#include <string>

namespace gpujob::durable {

/// Copies the checkpoint `m` describes (hashed a moment ago at `m.source`) into the durable
/// directory `dir`: data under a temporary name, fsync, rename, read back, and the manifest last.
/// Returns .../checkpoints/<seq>. Errc::refused: the source changed meanwhile, hash it again and
/// retry; nothing of a failed copy stays.
Result<std::string> mirror(const std::string& dir, const Manifest& m);

} // namespace gpujob::durable
