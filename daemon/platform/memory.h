// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/platform/standing.h"

#include <optional>
#include <string>

/// Memory as the cgroup of this process has it, version 2 or 1.
namespace gpujob::platform {

/// `root` stands for "/" in tests. What the page cache can give back at once is not counted as
/// used. nullopt: nothing is shown, or there is no limit and so nothing to run into.
std::optional<MemorySeen> read_memory(const std::string& root = {});

} // namespace gpujob::platform
