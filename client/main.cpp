// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/container.h"
#include "client/output.h"

#include <csignal>
#include <exception>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

/// Descriptors 0 to 2 are there: no socket of ours may become somebody's standard output.
void open_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR); // NOLINT: inherited on purpose
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) {
    ::close(fd);
  }
}

int run(const std::vector<std::string>& arguments) {
  using namespace gpujob;
  const auto parsed = client::parse_options(arguments);
  if (!parsed.command) {
    return parsed.exit_code;
  }
  const bool json = std::visit([](const auto& o) { return o.json; }, *parsed.command);
  auto exit = std::visit([](const auto& o) { return client::execute(o); }, *parsed.command);
  return exit ? *exit : client::report(exit.error(), json);
}

} // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  gpujob::client::keep_containers_end();
  // A reader of our output that has gone is an error of write(2), not our end.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& e) {
    gpujob::client::note(std::string("bug: ") + e.what() + ": please report it");
    return 1;
  }
}
