// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace gpujob::client {

/// What somebody else's program did and said. Nothing of it lives on.
struct ProgramRun {
  enum class End { exited, too_slow, too_much, interrupted };

  End end = End::exited;
  int code = 0;           ///< 128+n when signal n ended it
  std::string output;     ///< all it wrote, at most k_most_output
  std::string complaints; ///< the end of its standard error
};

constexpr std::size_t k_most_output = std::size_t{64} * 1024;

/// Runs it in our directory and environment, with `input` to read. An error when it cannot be
/// started: only the system's reason.
Result<ProgramRun> run_program(const std::string& program, std::vector<std::string> arguments,
                               Duration limit, std::string_view input = {});

} // namespace gpujob::client
