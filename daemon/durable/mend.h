// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/files_at.h"

#include <string>

namespace gpujob::durable {

/// Puts back what the storage has lost of `checkpoint` (.../checkpoints/<seq>, whose manifest is
/// `m`), from the same files at `source`: each under a temporary name, and then in place of the
/// damaged one, so that no good byte is ever missing. Files that it shares are mended where they
/// lie. Errc::refused: the source is not what `m` says.
Result<void> mend(const std::string& checkpoint, const Manifest& m, const FilesAt& source);

} // namespace gpujob::durable
