// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/memory.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <fstream>

using namespace gpujob;
using namespace gpujob::platform;

namespace {

struct Root {
  test::TempDir dir;

  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(dir.path() + path).parent_path());
    std::ofstream(dir.path() + path) << text;
  }
};

} // namespace

TEST_CASE("version 2: what the page cache can give back is not used", "[platform]") {
  const Root r;
  r.file("/proc/self/cgroup", "0::/a/b\n");
  r.file("/sys/fs/cgroup/a/b/memory.current", "300\n");
  r.file("/sys/fs/cgroup/a/b/memory.max", "max\n");
  r.file("/sys/fs/cgroup/a/memory.current", "900\n");
  r.file("/sys/fs/cgroup/a/memory.max", "1000\n");
  r.file("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 200\n");
  r.file("/sys/fs/cgroup/a/memory.events", "low 0\noom 1\noom_kill 3\n");
  r.file("/sys/fs/cgroup/a/memory.pressure", "some avg10=12.50 avg60=1.00 avg300=0.00 total=5\n");
  const auto seen = read_memory(r.dir.path());
  REQUIRE(seen);
  CHECK(seen->used_bytes == 700);
  CHECK(seen->limit_bytes == 1000);
  CHECK(seen->oom_kills == 3);
  CHECK(seen->pressure == 12.5);
}

TEST_CASE("version 1, in a container whose own group is the mount", "[platform]") {
  const Root r;
  r.file("/proc/self/cgroup", "12:cpu,cpuacct:/x\n5:memory:/docker/abc\n");
  r.file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "500\n");
  r.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "800\n");
  r.file("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
  const auto seen = read_memory(r.dir.path());
  REQUIRE(seen);
  CHECK(seen->used_bytes == 400);
  CHECK(seen->limit_bytes == 800);
  CHECK_FALSE(seen->pressure); // this version has none
}

TEST_CASE("no limit, garbage or nothing at all is nothing to run into", "[platform]") {
  const Root none;
  CHECK_FALSE(read_memory(none.dir.path()));
  const Root r;
  r.file("/proc/self/cgroup", "5:memory:/\n0::/\nx\n");
  r.file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "500\n");
  r.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  r.file("/sys/fs/cgroup/memory.current", "many\n");
  r.file("/sys/fs/cgroup/memory.max", "1000\n");
  CHECK_FALSE(read_memory(r.dir.path()));
}
