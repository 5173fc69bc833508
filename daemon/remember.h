// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/paths.h"
#include "common/result.h"
#include "daemon/platform/said.h"
#include "daemon/platform/settings.h"
#include "daemon/store/store.h"

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// What this machine remembers of the daemons before: the database and what stands in for it.
namespace gpujob {

/// What the database held when the daemon started.
struct Remembered {
  std::unique_ptr<store::Store> store;
  std::optional<platform::SessionSettings> settings;
  std::vector<store::StoredJob> jobs;
  std::string note; ///< that it was damaged
};

/// Opens the database, or makes one. A damaged one is kept under another name; without it, or where
/// it is gone, what runs is known from its own records.
Result<Remembered> remember(const StatePaths& state, const std::string& vm_id);

/// What the daemon before this one was told of this session's end.
nlohmann::json read_notices(const StatePaths& state, const std::string& session);

/// What was said of quotas while there was no durable directory. A file that is none is passed
/// over.
std::vector<platform::Said> read_said_here(const StatePaths& state);

} // namespace gpujob
