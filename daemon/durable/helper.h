// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// What `gpujobd --helper` runs: a short-lived program with a deadline, so that a hung mount hangs
/// nobody. The requests and replies are the table "The helper" of daemon/ARCHITECTURE.md.
namespace gpujob::durable {

/// Reads one request from `in_fd` (pipe or memfd) to its end, carries it out, writes one reply line
/// on `out_fd`. Returns the exit code: 0 when a reply was written, whatever it says. Never throws.
int run_helper(int in_fd, int out_fd);

/// The same without descriptors: a request's text to the reply's, without newline.
std::string handle_request(std::string_view request);

} // namespace gpujob::durable
