// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// As the daemon keeps them while its disk is full.
std::vector<Event> line_of(const std::vector<Event>& events) {
  std::vector<Event> waiting;
  for (const auto& event : events) {
    wait_in_line(waiting, event);
  }
  return waiting;
}

std::size_t kept(const std::vector<Event>& events) {
  return line_of(events).size();
}

} // namespace

TEST_CASE("of what is looked at again and again the newest waits, however long the disk is full") {
  std::vector<Event> events;
  for (int i = 0; i < 1000; ++i) {
    events.emplace_back(GpusSeen{looked({gpu(0)})});
    events.emplace_back(ProgressSeen{"a", 1, 0.001 * i, {}, {}});
    events.emplace_back(ProgressSeen{"b", 1, 0.001 * i, {}, {}});
    events.emplace_back(IdleExpected{BootTime{std::chrono::seconds{i}}, {}});
    events.emplace_back(EndMoved{});
    events.emplace_back(DeathsSeen{});
    events.emplace_back(Tick{});
  }
  CHECK(kept(events) == 7);
}

TEST_CASE("what comes anew takes the place of the old: what followed that is judged by it") {
  const auto end = [](int seconds) {
    EndMoved e;
    e.ends_at = BootTime{std::chrono::seconds{seconds}};
    return e;
  };
  const auto line = line_of({end(1), ShimGone{"a", 1, {}, true}, end(2), Tick{}, end(3)});
  REQUIRE(line.size() == 3);
  REQUIRE(std::holds_alternative<EndMoved>(line[0]));
  CHECK(std::get<EndMoved>(line[0]).ends_at == BootTime{std::chrono::seconds{3}});
  CHECK(std::holds_alternative<ShimGone>(line[1]));
}

TEST_CASE("what happened is kept, each of it") {
  const std::vector<Event> events{Submitted{"a", GpuBench::asks("1", "a")},
                                  Submitted{"b", GpuBench::asks("1", "b")},
                                  StopAsked{"a"},
                                  CheckpointAsked{"a"},
                                  Resumed{"a", GpuBench::asks("1", "a")},
                                  ShimRecord{"a", 1, {1, {}, {}, journal::Started{1}}, "", ""},
                                  ShimRecord{"a", 1, {2, {}, {}, journal::Progress{0.5}}, "", ""},
                                  ShimRecord{"a", 1, {3, {}, {}, journal::Progress{0.6}}, "", ""},
                                  SaveWished{"memory"},
                                  CheckpointFound{"a", 1, "/c/1", "s1", "files", {}},
                                  CheckpointFound{"a", 1, "/c/2", "s2", "files", {}},
                                  ShimGone{"a", 1, {}, true}};
  auto twice = events;
  twice.insert(twice.end(), events.begin(), events.end());
  CHECK(kept(twice) == 2 * events.size());
}
