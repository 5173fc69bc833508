// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/remote.h"
#include "daemon/durable/secure.h"

namespace gpujob::durable {

/// Writes the record that `q` brings, if any, and says so in `out`: from a checkpoint of which no
/// record says what job it is of nobody could go on. In a directory it is no error where an earlier
/// attempt's record says it, which a full storage keeps while it takes no new one. `remote` is
/// q.remote's, or null.
Result<void> write_owed(const SecureRequest& q, const Remote* remote, Secured& out);

} // namespace gpujob::durable
