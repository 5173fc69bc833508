// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/oom.h"
#include "daemon/shim/tree.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;

namespace {

std::vector<proc::Stat> processes(std::initializer_list<std::pair<int, int>> pid_and_parent) {
  std::vector<proc::Stat> out;
  for (const auto& [pid, ppid] : pid_and_parent) {
    proc::Stat s;
    s.pid = pid;
    s.ppid = ppid;
    out.push_back(s);
  }
  return out;
}

std::vector<int> pids_below(int leader, const std::vector<proc::Stat>& all, int apart) {
  std::vector<int> out;
  for (const auto& s :
       shim::below(10, leader, all, [apart](const auto& p) { return p.pid == apart; })) {
    out.push_back(s.pid);
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("The tree is everything below the shim, in whatever order /proc lists it") {
  const auto all = processes({{14, 13}, {11, 10}, {1, 0}, {13, 11}, {10, 1}, {12, 10}, {20, 1}});
  CHECK(pids_below(11, all, 0) == std::vector<int>{11, 12, 13, 14});
}

TEST_CASE("Supervision below the shim and what runs below it is not the job") {
  const auto all = processes({{10, 1}, {11, 10}, {12, 10}, {13, 12}, {14, 11}});
  CHECK(pids_below(11, all, 12) == std::vector<int>{11, 14});
  // The leader counts even while it has not exec'd and still looks like the shim.
  CHECK(pids_below(11, all, 11) == std::vector<int>{11, 12, 13, 14});
}

TEST_CASE("A circle in a torn snapshot ends") {
  CHECK(pids_below(11, processes({{11, 10}, {12, 11}, {10, 12}}), 0) ==
        std::vector<int>{10, 11, 12});
}

TEST_CASE("Daemon and shims are known by their executable's name") {
  CHECK(shim::is_supervision("/usr/bin/gpujobd"));
  CHECK(shim::is_supervision("/usr/bin/gpujobd (deleted)"));
  CHECK(shim::is_supervision("/usr/bin/gpujobd-dynamic"));
  CHECK(shim::is_supervision("/x/gpujob-shim"));
  CHECK(shim::is_supervision("/x/gpujob-shim-dynamic (deleted)"));
  CHECK(shim::is_supervision("gpujob-shim-dyn")); // a command name, cut at 15 bytes
  CHECK_FALSE(shim::is_supervision("/usr/bin/gpujob"));
  CHECK_FALSE(shim::is_supervision("/home/gpujobd/bin/python3"));
  CHECK_FALSE(shim::is_supervision("/usr/bin/gpujobd2"));
  CHECK_FALSE(shim::is_supervision(""));
}

TEST_CASE("The OOM counter is looked for where the memory controller is") {
  const auto hybrid = shim::oom_counter_files("4:cpu,memory:/docker/ab\n1:cpu:/\n0::/docker/ab\n");
  REQUIRE(hybrid.size() >= 2);
  CHECK(hybrid[0] == "/sys/fs/cgroup/memory/docker/ab/memory.oom_control");
  CHECK(hybrid[1] == "/sys/fs/cgroup/memory/memory.oom_control");
  const auto unified = shim::oom_counter_files("0::/user.slice\n");
  REQUIRE(unified.size() >= 2);
  CHECK(unified[0] == "/sys/fs/cgroup/user.slice/memory.events");
  CHECK(unified[1] == "/sys/fs/cgroup/memory.events");
  CHECK(shim::oom_counter_files("garbage").empty());
}

TEST_CASE("The OOM counter is read from both versions' files") {
  CHECK(shim::parse_oom_kills("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n") == 2);
  CHECK(shim::parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") == 3);
  CHECK_FALSE(shim::parse_oom_kills("oom_kill_disable 0\nunder_oom 0\n"));
}
