// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

#include <ctime>
#include <fmt/format.h>

using namespace gpujob;
using namespace gpujob::test;

/// Who comes first in the queue, and stays first.

TEST_CASE("of those that ask for the same each is started in its turn, whatever waits between") {
  GpuBench b(2);
  b.begin("a", "1");
  b.begin("b", "1");
  for (int i = 0; i < 6; ++i) {
    b.submit(fmt::format("one{}", i), "1");
    b.submit(fmt::format("any{}", i), i % 2 == 0 ? "device=0" : "GPU-bbbb");
  }
  const auto next = [&](const JobId& ends, const JobId& starts) {
    b.end(ends);
    INFO(starts);
    CHECK(b.state(starts) == "starting");
    b.started(starts);
  };
  next("a", "one0");
  next("one0", "any0");
  next("b", "one1");
  next("one1", "any1");
  next("any0", "one2");
  next("any1", "one3"); // of GPU 1, while any2 waits for GPU 0
  next("one2", "any2");
  CHECK(b.w.queue.size() == 5);
}

TEST_CASE("one that may not start yet holds up nobody who asks for the same") {
  GpuBench b(1);
  b.begin("quick", "1");
  b.job("quick").spec.max_failures = 5;
  b.submit("next", "1");
  b.gone(b.exit_record(1, {}, "quick"), true, "quick"); // it is restarted in a second
  CHECK(b.state("quick") == "queued");
  CHECK(b.state("next") == "starting");
}

TEST_CASE("ten thousand that wait for GPUs cost a wake-up no more than a few") {
  GpuBench b(2);
  b.begin("a", "1");
  b.begin("b", "1");
  for (int i = 0; i < 10'000; ++i) {
    const auto id = fmt::format("j{}", i);
    apply(b.w, Submitted{id, GpuBench::asks("1", id)}, b.now);
  }
  b.w.announcements.clear();
  b.w.dirty.clear();
  const auto begin = std::clock();
  for (int i = 0; i < 1000; ++i) {
    b.tick();
  }
  // About 2 ms; a walk through the queue at each takes 5 s.
  CHECK(std::clock() - begin < CLOCKS_PER_SEC);
}
