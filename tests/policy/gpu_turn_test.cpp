// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

#include <ctime>
#include <fmt/format.h>

using namespace gpujob;
using namespace gpujob::test;

/// Who comes first in the queue, and stays first.

namespace {

using Uuids = std::vector<std::string>;

/// As a container sees a program of ours: memory that is used by nobody it could name.
void fill(GpuBench& b, std::size_t which = 0) {
  b.change([&](auto& list) {
    list[which].memory_free = k_gb;
    list[which].strangers = true;
  });
}
void clear(GpuBench& b, std::size_t which = 0) {
  b.change([&](auto& list) { list[which] = gpu(static_cast<std::int64_t>(which)); });
}

/// The daemon wakes up when it asked to be woken.
void sleep(GpuBench& b) {
  REQUIRE(b.last.next_wakeup);
  b.pass(*b.last.next_wakeup - b.now.boot);
  b.tick();
}

} // namespace

TEST_CASE("a job that says nothing of GPUs does not overtake one that waits for them") {
  GpuBench b(2);
  b.begin("a", "1");
  b.submit("both", "2");
  b.submit("plain", ""); // a slot is free, and so is GPU 1: it is kept
  b.submit("prep", "none");
  CHECK(b.state("prep") == "starting");
  CHECK(b.state("plain") == "queued");
  b.w.slots = 2;
  b.tick();
  CHECK(b.why("plain") ==
        "waits for a GPU: job both comes first, and without --gpus it might use what that one "
        "waits for: --gpus none if it needs none");
  b.end("a");
  CHECK(b.held_by("both") == Uuids{gpu(0).uuid, gpu(1).uuid});
  CHECK(b.state("plain") == "queued"); // both are given away now
  b.started("both");
  b.end("both");
  CHECK(b.state("plain") == "starting");
}

TEST_CASE("who came before a job that waits for GPUs is started before it") {
  GpuBench b(1);
  b.begin("other", "none"); // holds the only slot
  b.submit("plain", "");
  b.submit("vit", "1");
  CHECK(b.state("vit") == "starting"); // needs no slot
  b.end("other");
  CHECK(b.state("plain") == "queued");
  CHECK(b.why("plain").starts_with("waits for a GPU: every one is given to a job (vit)"));
}

TEST_CASE("memory that a job leaves behind is not taken for a stranger's until a look has come") {
  GpuBench b(1);
  b.begin("vit", "1");
  fill(b);
  b.submit("gpt", "1");
  b.submit("plain", "");
  b.end("vit"); // as the last look had it, its memory is still in use
  CHECK(b.state("gpt") == "queued");
  CHECK(b.state("plain") == "queued");
  clear(b);
  CHECK(b.held_by("gpt") == Uuids{gpu(0).uuid});
  CHECK(b.state("plain") == "queued");
}

TEST_CASE("the same after a job that had said nothing of GPUs and used one") {
  GpuBench b(1);
  b.begin("first", "");
  fill(b);
  b.submit("gpt", "1");
  b.submit("plain", "");
  b.pass(5min);
  b.end("first");
  CHECK(b.state("plain") == "queued");
  clear(b);
  CHECK(b.held_by("gpt") == Uuids{gpu(0).uuid});
}

TEST_CASE("what is a stranger's after all is waited for by no more than who wants it") {
  GpuBench b(1);
  b.begin("prep", "");
  fill(b);
  b.submit("gpt", "1");
  b.submit("plain", "");
  b.pass(5min);
  b.end("prep");
  CHECK(b.state("plain") == "queued");
  CHECK(b.last.next_wakeup == b.now.boot + 5s);
  sleep(b);
  CHECK(b.state("gpt") == "queued");
  CHECK(b.state("plain") == "starting");
  // A job that was said to use none frees none.
  GpuBench none(1);
  none.begin("prep", "none");
  fill(none);
  none.submit("gpt", "1");
  none.submit("plain", "");
  none.end("prep");
  CHECK(none.state("plain") == "starting");
}

TEST_CASE("the first look is waited for by those behind a job that needs it, and not for ever") {
  Bench b;
  b.step(Submitted{"plain0", GpuBench::asks("", "plain0")});
  CHECK(b.state("plain0") == "starting"); // nobody comes before it
  b.w.slots = 3;
  b.step(Submitted{"vit", GpuBench::asks("1", "vit")});
  b.step(Submitted{"plain", GpuBench::asks("", "plain")});
  b.step(Submitted{"prep", GpuBench::asks("none", "prep")});
  CHECK(b.state("vit") == "queued");
  CHECK(b.state("plain") == "queued");
  CHECK(b.state("prep") == "starting");
  SECTION("it comes") {
    b.step(GpusSeen{looked({gpu(0), gpu(1)})});
    CHECK(b.state("vit") == "starting"); // plain0 may still take the other one
    CHECK(b.state("plain") == "starting");
  }
  SECTION("it tells that there are none") {
    b.step(GpusSeen{looked({}, "no NVIDIA library")});
    CHECK(b.state("vit") == "held");
    CHECK(b.state("plain") == "starting");
  }
  SECTION("a driver hangs") {
    REQUIRE(b.last.next_wakeup);
    CHECK(*b.last.next_wakeup <= b.now.boot + 5s);
    b.pass(5s);
    b.tick();
    CHECK(b.state("vit") == "queued");
    CHECK(b.state("plain") == "starting");
    b.step(Submitted{"gpt", GpuBench::asks("1", "gpt")});
    b.w.slots = 4;
    b.step(Submitted{"later", GpuBench::asks("", "later")});
    CHECK(b.state("later") == "starting");
  }
}

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
