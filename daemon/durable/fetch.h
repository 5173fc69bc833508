// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/remote.h"

#include <string>

namespace gpujob::durable {

/// Brings the files of the stored `checkpoint` (in the spool) to `to`, which exists, as its
/// manifest `m` has them, each proven by its hash. Beside `to` lies meanwhile what was not yet.
Result<void> fetch_files(const Remote& remote, const std::string& checkpoint, const Manifest& m,
                         const std::string& to);

} // namespace gpujob::durable
