// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/options.h"

#include <cstddef>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gpujob::client {

/// Declares the options of `gpujob run` on its subcommand; parsing fills `into`.
void declare_run(CLI::App& run, RunOptions& into);

/// Where in the arguments after "run" the user's command begins: after "--", or at the first word
/// that is neither an option of ours nor the value of one. From there on nothing is ours.
std::size_t command_begins(const CLI::App& run, const std::vector<std::string>& arguments);

} // namespace gpujob::client
