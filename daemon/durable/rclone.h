// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Running rclone, the user's own, with the user's own configuration. No word of a configuration is
/// ever an argument of ours, or printed.
namespace gpujob::durable {

/// Told about once in two seconds how many bytes a transfer has sent so far.
using BytesSent = std::function<void(std::uint64_t)>;

/// rclone's own words for "there is no such thing" are Errc::not_found; it is not installed, or
/// could not do it: Errc::io. `input` is its stdin. It dies with this thread: a helper that is
/// killed leaves none behind.
Result<std::string> run_rclone(const std::vector<std::string>& arguments,
                               std::string_view input = {}, const BytesSent& sent = {});

/// What a line of its log in JSON says of the bytes sent so far; nullopt: nothing.
std::optional<std::uint64_t> bytes_told(std::string_view line);

/// $GPUJOB_RCLONE, or the first on PATH; the error says how to get one.
Result<std::string> find_rclone();

/// The last line that is worth showing of what it wrote on stderr, without what URLs may carry.
std::string last_words(std::string_view stderr_text);

} // namespace gpujob::durable
