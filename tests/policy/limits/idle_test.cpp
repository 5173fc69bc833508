// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/idle.h"
#include "tests/support/catch.h"

#include <chrono>

using namespace gpujob;
using namespace gpujob::limits;
using namespace std::chrono_literals;

namespace {

constexpr Counting k_kernels{true, false, false};

struct Watch {
  IdleWatch idle;
  Now now{BootTime{10h}, wall_from_ns(1'795'003'200'000'000'000)};
  BootTime began{9h};

  void look(const Sighting& s, const Counting& c = k_kernels) { idle.look(s, c, began, 60s, now); }
  void pass(Duration d) {
    now.boot += d;
    now.wall += d;
  }
  [[nodiscard]] Sighting last(WallTime at) const {
    Sighting s;
    s.kernels = 1;
    s.kernel_last = at;
    return s;
  }
  [[nodiscard]] Duration idle_for() const { return now.boot - *idle.active_at(); }
};

} // namespace

TEST_CASE("the first look believes the kernels' own last activity, but none before the session",
          "[limits]") {
  Watch w;
  w.look(w.last(w.now.wall - 7min));
  CHECK(w.idle_for() == 7min);
  Watch old;
  old.look(old.last(old.now.wall - 5h));
  CHECK(old.idle_for() == 1h);
  Watch none;
  none.look({});
  CHECK(none.idle_for() == 1h);
}

TEST_CASE("a busy kernel is active however old its last activity is", "[limits]") {
  Watch w;
  auto s = w.last(w.now.wall - 30min);
  s.busy_kernels = 1;
  w.look(s);
  CHECK(w.idle.active());
  CHECK(w.idle_for() == 0s);
}

TEST_CASE("what the platform does not count does not count here", "[limits]") {
  Watch w;
  auto s = w.last(w.now.wall - 30min);
  s.terminals = 1;
  s.terminal_last = w.now.wall;
  s.connections = 3;
  w.look(s);
  CHECK(w.idle_for() == 30min);
  Watch terminals;
  terminals.look(s, {true, false, true});
  CHECK(terminals.idle_for() == 0s);
  Watch pages;
  pages.look(s, {true, true, false});
  CHECK(pages.idle.active());
}

TEST_CASE("activity between two looks is found, and its absence adds up", "[limits]") {
  Watch w;
  const auto first = w.now.wall - 5min;
  w.look(w.last(first));
  w.pass(60s);
  w.look(w.last(first));
  CHECK(w.idle_for() == 6min);
  w.pass(60s);
  w.look(w.last(w.now.wall - 10s));
  CHECK(w.idle_for() == 10s);
}

TEST_CASE("a wall clock that is set makes nobody idle", "[limits]") {
  Watch w;
  const auto first = w.now.wall - 5min;
  w.look(w.last(first));
  w.pass(60s);
  w.now.wall += 30 * 24h;
  w.look(w.last(first));
  CHECK(w.idle_for() == 6min);
  w.now.wall -= 365 * 24h;
  w.pass(60s);
  w.look(w.last(first));
  CHECK(w.idle_for() == 7min);
}

TEST_CASE("an interval that nobody observed is not idleness", "[limits]") {
  Watch w;
  const auto first = w.now.wall - 5min;
  w.look(w.last(first));
  w.pass(10h); // suspended
  w.look(w.last(first));
  CHECK(w.idle_for() == 5min + 2min);
}

TEST_CASE("the next idle end is the lowest cap that is not over", "[limits]") {
  const BootTime active{1h};
  CHECK(next_idle_end(active, {60min, 20min}, active) == active + 20min);
  CHECK(next_idle_end(active, {60min, 20min}, active + 20min) == active + 60min);
  CHECK_FALSE(next_idle_end(active, {60min, 20min}, active + 60min));
  CHECK_FALSE(next_idle_end(active, {}, active));
}

TEST_CASE("a kernel that is gone was no activity", "[limits]") {
  Watch w;
  w.look(w.last(w.now.wall - 5min));
  w.pass(60s);
  w.look(w.last(w.now.wall - 40min)); // the newer one was ended
  CHECK(w.idle_for() == 6min);
}
