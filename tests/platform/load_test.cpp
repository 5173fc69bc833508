// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/load.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <filesystem>
#include <fstream>

using namespace gpujob;
using namespace gpujob::platform;
using namespace std::chrono_literals;

namespace {

struct Root {
  test::TempDir dir;

  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(dir.path() + path).parent_path());
    std::ofstream(dir.path() + path) << text;
  }
  [[nodiscard]] std::optional<Duration> used() const { return read_cpu_time(dir.path()); }
};

} // namespace

TEST_CASE("CPU time is the container's, by either version of control groups", "[platform]") {
  const Root v2;
  v2.file("/proc/self/cgroup", "0::/\n");
  v2.file("/sys/fs/cgroup/cpu.stat", "usage_usec 1500000\nuser_usec 1\n");
  CHECK(v2.used() == 1500ms);
  const Root v1;
  v1.file("/proc/self/cgroup", "4:cpu,cpuacct:/docker/x\n");
  v1.file("/sys/fs/cgroup/cpuacct/cpuacct.usage", "2000000000\n");
  CHECK(v1.used() == 2s);
}

TEST_CASE("without control groups CPU time is the machine's, less what was idle", "[platform]") {
  const Root r;
  r.file("/proc/stat", "cpu  100 0 50 900 25 0 10 0 0 0\ncpu0 1 2 3\n");
  CHECK(r.used() == 1600ms);
  r.file("/proc/stat", "cpu  100 0 x\n");
  CHECK_FALSE(r.used());
  CHECK_FALSE(Root{}.used());
}

TEST_CASE("a load takes two looks, and one that went back is none", "[platform]") {
  CpuLoad load;
  load.look(10s, BootTime{100s});
  CHECK_FALSE(load.busy());
  load.look(100s, BootTime{160s});
  CHECK(load.busy() == 1.5);
  load.look(90s, BootTime{220s}); // another group
  CHECK_FALSE(load.busy());
  load.look(std::nullopt, BootTime{280s});
  CHECK_FALSE(load.busy());
}
