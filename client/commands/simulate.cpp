// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_spawn.h"
#include "client/environment.h"

#include <cerrno>
#include <csignal>
#include <unistd.h>

namespace gpujob::client {

/// Becomes gpujobd, which has the code that plans; it returns only when it cannot.
Result<int> execute(const SimulateOptions& options) {
  const auto program = find_gpujobd(own_environment());
  if (!program) {
    return program.error();
  }
  std::vector<std::string> words{*program, "--simulate"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL); // ignored here, and exec keeps that: it would print to nobody
  ::execv(program->c_str(), argv.data());
  return io_error("execute", *program, errno);
}

} // namespace gpujob::client
