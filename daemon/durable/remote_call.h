// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/rclone.h"
#include "daemon/durable/remote.h"

#include <cstddef>
#include <string>
#include <vector>

/// What all that a Remote does has in common. Of this room only.
namespace gpujob::durable {

constexpr const char* k_ours = "gpujob.json"; ///< on the remote: it is there, and it is ours
constexpr std::size_t k_max_record = 256U << 20U;

/// With what to do about it.
Error remote_error(const std::string& name, const Error& why);

/// rclone with the list of files as its last words.
Result<std::string> run_on(const std::string& spool, const RemoteFiles& files,
                           std::vector<std::string> arguments, const BytesSent& sent = {});

} // namespace gpujob::durable
