// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/launch.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "daemon/shim/copying.h"
#include "daemon/shim/restoring.h"
#include "daemon/shim/setup.h"
#include "daemon/shim/shim.h"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

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

/// What Shim starts: --restore PARENT FROM PATH...
int restore(const std::vector<std::string>& words) {
  using namespace gpujob;
  const auto parent = words.size() > 2 ? parse_int(words[0]) : std::nullopt;
  if (!parent) {
    log_line("--restore: is for gpujob-shim itself to use");
    return 2;
  }
  return shim::run_restore(static_cast<int>(*parent), words[1], {words.begin() + 2, words.end()});
}

/// What Routes starts: --copy PARENT DIR NAME PATH...
int copy(const std::vector<std::string>& words) {
  using namespace gpujob;
  const auto parent = words.size() > 3 ? parse_int(words[0]) : std::nullopt;
  if (!parent) {
    log_line("--copy: is for gpujob-shim itself to use");
    return 2;
  }
  return shim::run_copy(static_cast<int>(*parent), words[1], words[2],
                        {words.begin() + 3, words.end()});
}

int main_checked(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.front() == "--restore") {
    return restore({words.begin() + 1, words.end()});
  }
  return words.front() == "--copy" ? copy({words.begin() + 1, words.end()}) : run(words.front());
}

} // namespace

int main(int argc, char** argv) {
  gpujob::wait_for_memory(std::chrono::seconds{10});
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("gpujob-shim " GPUJOB_VERSION);
    return 0;
  }
  const std::string_view first = argc > 2 ? argv[1] : "";
  const bool own_child = first == "--copy" || first == "--restore";
  if (!own_child && (argc != 2 || argv[1][0] != '/')) {
    std::fputs("usage: gpujob-shim ATTEMPT_DIR (absolute; started by gpujobd)\n", stderr);
    return 2;
  }
  try {
    return main_checked(argc, argv);
  } catch (const std::exception& e) {
    gpujob::log_line(std::string("died: ") + e.what());
    return 1;
  }
}
