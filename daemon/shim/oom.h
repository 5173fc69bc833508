// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// Files that may hold the OOM counter, best first, from the text of /proc/self/cgroup: version 1's
/// memory.oom_control where that controller is named, else version 2's memory.events. In a
/// container the path may be the host's, so the root of the mount is tried too.
std::vector<std::string> oom_counter_files(std::string_view self_cgroup);

/// The value of `oom_kill` in such a file's text.
std::optional<std::int64_t> parse_oom_kills(std::string_view text);

/// How many processes of our cgroup the kernel has killed for memory so far; nothing: not known.
std::optional<std::int64_t> read_oom_kills();

} // namespace gpujob::shim
