// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/views/session.h"
#include "common/time.h"

#include <string>

namespace gpujob::client {

/// What `gpujob quota` says: what is left, and how sure that is.
std::string render_session(const SessionView& view, WallTime now);

/// What --explain adds: each setting with its origin, evidence, conflicts, other values.
/// What the platform allows and who says so: for `limits`.
std::string render_limits(const SessionView& v, WallTime now);

std::string explain_session(const SessionView& view);

} // namespace gpujob::client
