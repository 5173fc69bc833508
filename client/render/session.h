// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views.h"
#include "common/time.h"

#include <string>

namespace gpujob::client {

/// What `gpujob quota` says: what is left, and how sure that is.
std::string render_session(const SessionView& view, WallTime now);

/// What --explain adds: each setting with its origin, evidence, conflicts, other values.
std::string explain_session(const SessionView& view);

} // namespace gpujob::client
