// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/remote.h"
#include "daemon/durable/secure.h"

#include <string>

namespace gpujob::durable {

/// As make_durable(), on a remote: uploads from the checkpoint itself what is not there, has the
/// remote give back every byte of it (also of what is shared) and compares the hashes, and only
/// then writes the manifest, here and there. Returns where it lies in the spool.
Result<std::string> make_remote(const Remote& remote, const SecureRequest& q, const Manifest& m,
                                Secured& out);

/// Brings the files of the stored `checkpoint` (in the spool) to `to`, which exists, as its
/// manifest `m` has them, each proven by its hash. Beside `to` lies meanwhile what was not yet.
Result<void> fetch_files(const Remote& remote, const std::string& checkpoint, const Manifest& m,
                         const std::string& to);

} // namespace gpujob::durable
