// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/memory.h"
#include "tests/support/catch.h"

#include <chrono>

using namespace gpujob;
using namespace gpujob::limits;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t k_gb = 1'000'000'000;

struct Scene {
  MemoryWatch memory;
  BootTime now{1h};

  /// Looks every two seconds for so long, growing by so much each time. How often it came near.
  int grow(std::int64_t from, std::int64_t step, int looks) {
    int near = 0;
    for (int i = 0; i < looks; ++i) {
      memory.look(from + i * step, 10 * k_gb, now);
      near += memory.comes_near(60s) ? 1 : 0;
      now += 2s;
    }
    return near;
  }
};

} // namespace

TEST_CASE("memory that grows is full when what is left is filled at its pace", "[limits]") {
  Scene s;
  CHECK_FALSE(s.memory.until_full());
  s.grow(6 * k_gb, k_gb / 10, 11); // a gigabyte in 20 s
  REQUIRE(s.memory.until_full());
  CHECK(std::chrono::round<std::chrono::seconds>(*s.memory.until_full()) == 60s);
}

TEST_CASE("it comes near once, and again after it was far", "[limits]") {
  Scene s;
  CHECK(s.grow(6 * k_gb, k_gb / 10, 30) == 1);
  CHECK(s.grow(9 * k_gb, 0, 30) == 0);
  CHECK(s.grow(2 * k_gb, 0, 40) == 0);
  CHECK(s.grow(6 * k_gb, k_gb / 10, 30) == 1);
}

TEST_CASE("what is steady, shrinks, or grows while much is free is not near", "[limits]") {
  CHECK(Scene().grow(9'800'000'000, 0, 60) == 0);
  CHECK(Scene().grow(9'800'000'000, -1'000'000, 60) == 0);
  CHECK(Scene().grow(0, k_gb / 4, 16) == 0); // data is loaded
}
