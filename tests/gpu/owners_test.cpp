// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owners.h"

#include "tests/support/catch.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

using namespace gpujob;
using namespace gpujob::gpu;
using namespace std::chrono_literals;

namespace {

GpuSnapshot listed(std::vector<int> pids, std::int64_t memory = 1'000) {
  GpuView gpu;
  gpu.vendor = "nvidia";
  gpu.state = "ok";
  gpu.processes.emplace();
  for (const int pid : pids) {
    GpuProcess p;
    p.pid = pid;
    p.memory = memory;
    gpu.processes->push_back(p);
  }
  GpuSnapshot s;
  s.gpus.push_back(std::move(gpu));
  return s;
}

BootTime at(int seconds) {
  return BootTime{std::chrono::seconds{seconds}};
}

/// Everybody is of the job that was last set.
struct Searching {
  std::string job = "one";
  int searches = 0;
  Owners owners{[this](GpuSnapshot& s, BootTime) {
    ++searches;
    for (auto& p : *s.gpus[0].processes) {
      p.owner.here = true;
      p.owner.job_id = job;
    }
  }};

  GpuSnapshot find(GpuSnapshot s, int second) {
    REQUIRE(owners.find(s, at(second)));
    return s;
  }
  std::string job_of(const GpuSnapshot& s, std::size_t i = 0) {
    return s.gpus[0].processes->at(i).owner.job_id;
  }
};

} // namespace

TEST_CASE("owners are looked for once while the drivers list the same, and told with each look") {
  Searching s;
  CHECK(s.job_of(s.find(listed({1, 2}), 0), 1) == "one");
  s.job = "two";
  const auto again = s.find(listed({1, 2}, 7'000), 1);
  CHECK(s.searches == 1);
  CHECK(s.job_of(again) == "one");
  CHECK(again.gpus[0].processes->at(1).memory == 7'000); // that is news
}

TEST_CASE("owners are looked for anew when another is listed, and every ten seconds") {
  Searching s;
  (void)s.find(listed({1}), 0);
  s.job = "two";
  CHECK(s.job_of(s.find(listed({1, 2}), 1)) == "two");
  (void)s.find(listed({1, 2}), 10);
  CHECK(s.searches == 2);
  s.job = "three";
  CHECK(s.job_of(s.find(listed({1, 2}), 11)) == "three");
  CHECK(s.job_of(s.find(listed({2}), 12)) == "three");
  CHECK(s.searches == 4);
}

TEST_CASE("who was found though no driver lists him is told with each look, too") {
  Owners owners([](GpuSnapshot& s, BootTime) {
    GpuProcess p;
    p.owner.pid = 17;
    s.gpus[0].processes = {p};
  });
  auto first = listed({});
  auto second = listed({});
  first.gpus[0].processes.reset();
  second.gpus[0].processes.reset();
  REQUIRE(owners.find(first, at(0)));
  REQUIRE(owners.find(second, at(1)));
  CHECK(second.gpus[0].processes->at(0).owner.pid == 17);
}

namespace {

/// A search that hangs until it is let go.
struct Hanging {
  std::mutex mutex;
  std::condition_variable changed;
  bool hangs = true;
  int begun = 0, done = 0;
  Owners owners{[this](GpuSnapshot& s, BootTime) {
                  std::unique_lock lock(mutex);
                  ++begun;
                  changed.notify_all();
                  changed.wait(lock, [&] { return !hangs; });
                  s.first_namespace = false;
                  s.gpus[0].processes->at(0).owner.job_id = "one";
                  ++done;
                  changed.notify_all();
                },
                1ms};

  void let_go() {
    std::unique_lock lock(mutex);
    hangs = false;
    changed.notify_all();
    changed.wait(lock, [&] { return done == begun; });
  }
  /// Once the thread of a search that is done has ended.
  bool finds(GpuSnapshot& s, int second) {
    for (int i = 0; i < 100'000; ++i) {
      if (owners.find(s, at(second))) {
        return true;
      }
    }
    return false;
  }
};

} // namespace

TEST_CASE("a process that lets nobody read what it is delays no look, and nobody is named") {
  Hanging h;
  auto s = listed({1});
  CHECK_FALSE(h.owners.find(s, at(0)));
  CHECK(s.gpus[0].processes->at(0).owner.job_id.empty());
  CHECK_FALSE(h.owners.find(s, at(1)));
  {
    std::unique_lock lock(h.mutex);
    h.changed.wait(lock, [&] { return h.begun > 0; });
    CHECK(h.begun == 1); // nobody else is sent after it
  }
  h.let_go();
  // What comes late is of use, since the same are listed.
  CHECK(h.finds(s, 2));
  CHECK(h.begun == 1);
  CHECK(s.gpus[0].processes->at(0).owner.job_id == "one");
  CHECK_FALSE(s.first_namespace);
}

TEST_CASE("while a later search hangs those who are listed as before are who they were") {
  Hanging h;
  auto s = listed({1});
  h.let_go();
  REQUIRE(h.finds(s, 0));
  {
    const std::unique_lock lock(h.mutex);
    h.hangs = true;
  }
  auto again = listed({1});
  CHECK(h.owners.find(again, at(11)));
  CHECK(again.gpus[0].processes->at(0).owner.job_id == "one");
  auto other = listed({2});
  CHECK_FALSE(h.owners.find(other, at(12)));
  // Meanwhile anybody may have gone and another come: they are listed alike.
  auto alike = listed({1});
  CHECK_FALSE(h.owners.find(alike, at(13)));
  h.let_go();
}

TEST_CASE("a search that fails names nobody, and is tried again") {
  int tries = 0;
  Owners owners([&](GpuSnapshot&, BootTime) {
    if (++tries == 1) {
      throw std::runtime_error("no memory");
    }
  });
  auto s = listed({1});
  CHECK_FALSE(owners.find(s, at(0)));
  CHECK(owners.find(s, at(1)));
}
