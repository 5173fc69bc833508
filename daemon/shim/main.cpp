// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/launch.h"
#include "common/log.h"
#include "common/memory.h"
#include "daemon/shim/setup.h"
#include "daemon/shim/shim.h"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t k_max_launch = 16U << 20U;

int run(const std::string& attempt_dir) {
  using namespace gpujob;
  auto [cmdline, lock] = shim::take_descriptors();
  if (!lock) {
    log_line("not started: the lock's descriptor could not be kept: out of descriptors?");
    return 1; // without it the next daemon would take this shim for dead
  }
  const auto text = read_file(attempt_dir + "/" + attempt_file::k_launch, k_max_launch);
  auto launch = text ? decode_launch(*text) : Result<Launch>(text.error());
  if (!launch) {
    log_line("not started: " + launch.error().text);
    return 1;
  }
  shim::prepare_process();
  shim::Shim supervisor(attempt_dir, std::move(*launch), std::move(cmdline));
  supervisor.run();
  // Before the link closes: who sees its end may take the lock.
  lock.reset();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  gpujob::wait_for_memory(std::chrono::seconds{10});
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("gpujob-shim " GPUJOB_VERSION);
    return 0;
  }
  if (argc != 2 || argv[1][0] != '/') {
    std::fputs("usage: gpujob-shim ATTEMPT_DIR (absolute; started by gpujobd)\n", stderr);
    return 2;
  }
  try {
    return run(argv[1]);
  } catch (const std::exception& e) {
    gpujob::log_line(std::string("died: ") + e.what());
    return 1;
  }
}
