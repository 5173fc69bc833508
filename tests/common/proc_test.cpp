// SPDX-License-Identifier: Apache-2.0
#include "common/proc.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace gpujob;

namespace {

/// As proc(5) has it: fields 3 to 52, each with its own number unless it is an identity.
std::string stat_line(const std::string& comm) {
  auto line = fmt::format("17 ({}) S 2 3 4", comm);
  for (int field = 7; field <= 52; ++field) {
    line += fmt::format(" {}", field * 100);
  }
  return line + "\n";
}

} // namespace

TEST_CASE("a stat line is read whatever the name holds", "[proc]") {
  for (const std::string comm : {"python", "a b", "x) S 1 (y", ")", "(", ""}) {
    const auto s = proc::parse_stat(stat_line(comm));
    INFO(comm);
    REQUIRE(s);
    CHECK(s->pid == 17);
    CHECK(s->comm == comm);
    CHECK(s->state == 'S');
    CHECK(s->ppid == 2);
    CHECK(s->pgrp == 3);
    CHECK(s->session == 4);
    CHECK(s->start_ticks == 2200);
    CHECK(s->start_code == 2600);
    CHECK(s->start_stack == 2800);
    CHECK(s->arg_start == 4800);
  }
}

TEST_CASE("a stat line that is cut off is nothing", "[proc]") {
  for (const auto* bad :
       {"", "17", "17 (x", "17 (x)", "17 (x) ", "17 (x) S 1 2 3", ")(", "x (y) S"}) {
    CHECK_FALSE(proc::parse_stat(bad));
  }
  // Any line that is taken must have all the fields we read.
  const auto whole = stat_line("x");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    if (const auto s = proc::parse_stat(whole.substr(0, n))) {
      REQUIRE(s->arg_start != 0);
    }
  }
}

TEST_CASE("our own process is found, an impossible one is not", "[proc]") {
  const auto s = proc::read_stat(::getpid());
  REQUIRE(s);
  CHECK(s->pid == ::getpid());
  CHECK(s->start_ticks > 0);
  CHECK(proc::read_caught_signals(::getpid()));
  CHECK(proc::open_pidfd(::getpid(), s->start_ticks));
  CHECK_FALSE(proc::open_pidfd(::getpid(), s->start_ticks + 1));
  CHECK_FALSE(proc::read_stat(0x3fffffff));
}

TEST_CASE("the tree below a process is found whole, and nobody else", "[proc]") {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const int child = ::fork();
  if (child == 0) {
    const int grandchild = ::fork();
    if (grandchild > 0) {
      (void)!::write(ready[1], &grandchild, sizeof grandchild);
    }
    ::pause();
    ::_exit(0);
  }
  int grandchild = 0;
  REQUIRE(::read(ready[0], &grandchild, sizeof grandchild) == sizeof grandchild);
  const auto found = proc::read_below(::getpid());
  const auto below_child = proc::read_below(child);
  ::kill(grandchild, SIGKILL);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);

  REQUIRE(found); // CONFIG_PROC_CHILDREN is on wherever the tests run
  std::vector<int> pids;
  for (const auto& s : *found) {
    pids.push_back(s.pid);
  }
  std::sort(pids.begin(), pids.end());
  CHECK(pids == std::vector<int>{std::min(child, grandchild), std::max(child, grandchild)});
  REQUIRE(below_child);
  REQUIRE(below_child->size() == 1);
  CHECK(below_child->front().ppid == child);
  CHECK_FALSE(proc::read_below(0x3fffffff));
}
