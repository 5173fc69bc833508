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

} // namespace gpujob::durable
