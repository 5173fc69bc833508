// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/policy/world.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gpujob::ipc {

/// The newest job of that name, or nullptr.
const policy::Job* find_by_name(const policy::World& w, const std::string& name);

/// An id, a name (the newest so named), or an unambiguous start of an id.
Result<const policy::Job*> find_job(const policy::World& w, const std::string& text);

/// The job that `params` names with its key "job"; `what` begins the error.
Result<const policy::Job*> job_of(const policy::World& w, const nlohmann::json& params,
                                  const char* what);

} // namespace gpujob::ipc
