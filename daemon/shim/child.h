// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/cmdline.h"
#include "common/fd.h"
#include "common/launch.h"
#include "common/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

/// What is executed: the user's command line with what the launch adds. Holds secrets, so it lives
/// only until the fork.
struct Program {
  std::vector<std::string> argv;
  std::string cwd;
  std::vector<std::string> env;
  std::vector<std::string> candidates; ///< paths to try, from the PATH of `env`
};

Program make_program(Cmdline cmdline, const Launch& launch);

/// The value of NAME in a list of "NAME=value".
std::optional<std::string> env_value(const std::vector<std::string>& env, std::string_view name);

/// A running child and the pipe on which it says that it could not exec (closed by exec).
struct Child {
  int pid = 0;
  Fd exec_result;
};

/// Forks; the child has its own session, default signals, an empty mask, /dev/null as stdin and
/// `output` as stdout and stderr.
Result<Child> spawn(const Program& program, int output);

/// Why the program never ran, in words; nothing when it did. To be asked when the child has ended.
std::optional<std::string> exec_error(const Child& child, std::string_view program,
                                      std::string_view cwd);

} // namespace gpujob::shim
