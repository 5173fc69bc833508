// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/remote.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

/// The directory that stands for a remote on this VM: records as they are there, and hollow files
/// of the size that the data has. What is in it; nothing here asks the remote.
namespace gpujob::durable {

namespace name {
/// Beside a checkpoint's own directory: its upload has begun, or what it was is still to be removed
/// there.
constexpr const char* k_begun = ".partial";
constexpr const char* k_doomed = ".pruned";
} // namespace name

/// Whether it is jobs/JOB/attempts/A-S/checkpoints/N/data/...
bool is_data(std::string_view path);

/// Data of checkpoints that count, below the spool.
std::set<std::string> counted_data(const std::string& spool);

/// Records in the spool that `session` does not write alone, below it.
RemoteFiles records_in(const std::string& spool, const std::string& session);

/// What is written once and lies here whole.
bool is_here_for_good(const std::string& spool, const std::string& path, std::uint64_t size);

/// A file of that size without blocks.
Result<void> make_hollow(const std::string& path, std::uint64_t size);

} // namespace gpujob::durable
