// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/world.h"

#include <string>

namespace gpujob::ipc {

/// The newest job of that name, or nullptr.
const policy::Job* find_by_name(const policy::World& w, const std::string& name);

/// An id, a name (the newest so named), or an unambiguous start of an id.
Result<const policy::Job*> find_job(const policy::World& w, const std::string& text);

} // namespace gpujob::ipc
