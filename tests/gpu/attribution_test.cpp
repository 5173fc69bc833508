// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/attribution.h"

#include "common/clock.h"
#include "common/fd.h"
#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <initializer_list>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

using namespace gpujob;
using namespace gpujob::gpu;

namespace {

constexpr std::int64_t k_gb = 1'000'000'000;

/// A process that has these files open, and lives until the test ends.
class Opener {
public:
  explicit Opener(const std::vector<std::string>& files) {
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    m_pid = ::fork();
    if (m_pid == 0) {
      for (const auto& file : files) {
        if (::open(file.c_str(), O_RDONLY) < 0) { // NOLINT: kept until it is killed
          ::_exit(1);
        }
      }
      (void)!::write(ready[1], "r", 1);
      for (;;) {
        ::pause();
      }
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  ~Opener() {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  [[nodiscard]] int pid() const { return m_pid; }

private:
  int m_pid = 0;
};

GpuSnapshot snapshot_of(std::initializer_list<std::pair<int, std::int64_t>> listed) {
  GpuView gpu;
  gpu.vendor = "nvidia";
  gpu.state = "ok";
  gpu.minor = 0;
  gpu.pci = "00000000:00:04.0";
  gpu.memory_used = 3 * k_gb;
  gpu.processes.emplace();
  for (const auto& [pid, memory] : listed) {
    GpuProcess p;
    p.pid = pid;
    p.memory = memory;
    gpu.processes->push_back(p);
  }
  GpuSnapshot s;
  s.gpus.push_back(gpu);
  return s;
}

struct Devices {
  test::TempDir directory;
  std::string prefix = directory / "nvidia", zero = prefix + "0", uvm = prefix + "-uvm";

  Devices() {
    for (const auto& file : {zero, uvm}) {
      REQUIRE(atomic_publish(file, ""));
    }
  }
};

std::vector<int> owners(GpuAttribution& attribution, GpuSnapshot snapshot) {
  attribution.find_owners(snapshot, read_clocks().boot);
  std::vector<int> out;
  for (const auto& p : *snapshot.gpus[0].processes) {
    out.push_back(p.owner.here ? p.owner.pid : 0);
  }
  return out;
}

} // namespace

TEST_CASE("who is told apart by coming alone stays told apart", "[gpu]") {
  const Devices devices;
  GpuAttribution attribution(devices.prefix, false);
  const Opener one({devices.zero, devices.uvm});
  CHECK(owners(attribution, snapshot_of({{4194301, k_gb}})) == std::vector{one.pid()});
  const Opener two({devices.zero, devices.uvm});
  const auto both = snapshot_of({{4194302, k_gb}, {4194301, k_gb}});
  CHECK(owners(attribution, both) == std::vector{two.pid(), one.pid()});
  CHECK(owners(attribution, both) == std::vector{two.pid(), one.pid()});
  // Who meets them together cannot tell.
  GpuAttribution late(devices.prefix, false);
  CHECK(owners(late, both) == std::vector{0, 0});
}

TEST_CASE("where pids are ours a process is the one that is listed", "[gpu]") {
  const Devices devices;
  GpuAttribution attribution(devices.prefix, true);
  const Opener one({devices.zero});
  auto snapshot = snapshot_of({{one.pid(), k_gb}, {::getpid(), k_gb}, {0, k_gb}});
  attribution.find_owners(snapshot, read_clocks().boot);
  const auto& list = *snapshot.gpus[0].processes;
  CHECK(list[0].owner.seen_by == "device");
  CHECK(list[1].owner.seen_by == "pid");
  CHECK_FALSE(list[2].owner.here);
}

TEST_CASE("a process that was started after the driver was asked is another one", "[gpu]") {
  const Devices devices;
  GpuAttribution attribution(devices.prefix, true);
  const Opener one({devices.zero});
  auto snapshot = snapshot_of({{one.pid(), k_gb}});
  attribution.find_owners(snapshot, read_clocks().boot - std::chrono::hours{1});
  CHECK_FALSE(snapshot.gpus[0].processes->front().owner.here);
}
