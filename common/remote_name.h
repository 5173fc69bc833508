// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gpujob {

/// "rclone:NAME:PATH" is where durable things go when they go by rclone.
inline constexpr std::string_view k_rclone_prefix = "rclone:";

/// NAME:PATH of it, without slashes at the end; nullopt when it is no such: NAME is one of `rclone
/// listremotes` (never a connection string, which may hold a password and would stand in every
/// process list), and PATH is not empty.
std::optional<std::string> remote_of(std::string_view durable);

} // namespace gpujob
