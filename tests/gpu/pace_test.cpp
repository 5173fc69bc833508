// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/pace.h"

#include "tests/support/catch.h"

#include <vector>

using namespace gpujob;
using namespace std::chrono_literals;
using gpujob::gpu::Pace;
using Found = Pace::Found;

namespace {

std::vector<Duration> after(Pace& pace, Found found, int times) {
  std::vector<Duration> out;
  for (int i = 0; i < times; ++i) {
    out.push_back(pace.after(found));
  }
  return out;
}

} // namespace

TEST_CASE("GPUs are looked at every second while something changes, then every ten") {
  Pace pace;
  CHECK(after(pace, Found::change, 3) == std::vector<Duration>(3, 1s));
  CHECK(after(pace, Found::quiet, 9) == std::vector<Duration>(9, 1s));
  CHECK(after(pace, Found::quiet, 3) == std::vector<Duration>(3, 10s));
  CHECK(pace.current() == 10s);
  CHECK(pace.after(Found::change) == 1s);
  CHECK(after(pace, Found::quiet, 10).back() == 10s);
}

TEST_CASE("what is about to happen makes it quick again") {
  Pace pace;
  (void)after(pace, Found::quiet, 20);
  pace.hurry();
  CHECK(pace.after(Found::quiet) == 1s);
}

TEST_CASE("where there is no GPU nobody looks for ten minutes") {
  Pace pace;
  CHECK(after(pace, Found::nothing, 3) == std::vector<Duration>(3, 10min));
  CHECK(pace.after(Found::quiet) == 1s);
}

TEST_CASE("what does not answer is asked less and less, and an answer forgets that") {
  Pace pace;
  CHECK(after(pace, Found::failure, 8) ==
        std::vector<Duration>{10s, 20s, 40s, 80s, 160s, 320s, 600s, 600s});
  CHECK(after(pace, Found::failure, 100).back() == 600s);
  CHECK(pace.after(Found::change) == 1s);
  CHECK(pace.after(Found::failure) == 10s);
}
