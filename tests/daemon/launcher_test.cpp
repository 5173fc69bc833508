// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/launcher.h"

#include "common/file.h"
#include "common/text.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace gpujob;
using gpujob::test::TempDir;

namespace {

void wait_for(const process::Started& p) {
  pollfd fd{p.pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&fd, 1, 30000) == 1);
  process::reap(p.pidfd);
}

/// What a shell script started by us prints.
std::string output_of(const std::string& script) {
  TempDir dir;
  auto out = open_file(dir / "out", O_WRONLY | O_CREAT);
  REQUIRE(out);
  auto p = process::start({"/bin/sh", {"-c", script}, -1, out->get(), -1});
  REQUIRE(p);
  wait_for(*p);
  return *read_file(dir / "out", 65536);
}

} // namespace

TEST_CASE("a program gets 0, 1 and 2 and nothing else of ours") {
  auto leak = open_file("/dev/null", O_RDONLY);
  REQUIRE(leak);
  REQUIRE(::fcntl(leak->get(), F_SETFD, 0) == 0); // inheritable on purpose
  const auto fds = split(trim(output_of("ls /proc/self/fd")), '\n');
  // 3 is the directory ls itself reads.
  CHECK(fds == std::vector<std::string>{"0", "1", "2", "3"});
}

TEST_CASE("a program starts with default signals, no mask and its own session") {
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGQUIT, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const auto status =
      output_of("grep -E 'Sig(Ign|Blk)' /proc/self/status; cut -d' ' -f1,6 /proc/$$/stat");
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGQUIT, SIG_DFL);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  const auto lines = split(status, '\n');
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "SigBlk:\t0000000000000000");
  CHECK(lines[1] == "SigIgn:\t0000000000000000");
  const auto ids = split(lines[2], ' ');
  CHECK(ids[0] == ids[1]); // pid == session
}

TEST_CASE("a program that is not there is an error here, and no child is left") {
  const auto p = process::start({"/nowhere/program", {}});
  REQUIRE_FALSE(p);
  CHECK(p.error().text.find("/nowhere/program") != std::string::npos);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}
