// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/recorder.h"

#include "tests/gpu/looks.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::gpu;
using namespace gpujob::test;

namespace {

/// The boot was 20 s into a minute: this one begins there.
constexpr std::int64_t k_minute = 40;
constexpr std::int64_t k_minute_at = 1'790'000'000 + k_minute;
static_assert(k_minute_at % 60 == 0);

} // namespace

TEST_CASE("samples wait a minute, and are given away once") {
  Recorder recorder;
  CHECK_FALSE(recorder.due(look_at(0, {}).at));
  recorder.take(look_at(0, {gpu_view(10), gpu_view(20, 1)}));
  recorder.take(look_at(1, {gpu_view(11), gpu_view(21, 1)}));
  CHECK_FALSE(recorder.due(look_at(59, {}).at));
  CHECK(recorder.due(look_at(60, {}).at));
  CHECK(recorder.waiting().size() == 4);
  const auto batch = recorder.drain();
  REQUIRE(batch.samples.size() == 4);
  CHECK(batch.samples[3] == GpuSampleOf{"GPU-1", {1'790'000'001, 21, k_used, 40, 30'000}});
  CHECK(batch.minutes.empty()); // it goes on
  CHECK(recorder.drain().samples.empty());
  CHECK_FALSE(recorder.due(look_at(1000, {}).at));
}

TEST_CASE("a minute is the average of its samples, each for as long as it stood") {
  Recorder recorder;
  // A second of 100 %, then five of 40 %, after a pause that nobody can speak for.
  recorder.take(look_at(k_minute, {gpu_view(100)}));
  recorder.take(look_at(k_minute + 5, {gpu_view(40)}));
  recorder.take(look_at(k_minute + 59, {gpu_view(100)})); // stands for 10 s, not 54
  CHECK(recorder.drain().minutes.empty());
  recorder.take(look_at(k_minute + 60, {gpu_view(7)}));
  const auto minutes = recorder.drain().minutes;
  REQUIRE(minutes.size() == 1);
  // (100 * 1 + 40 * 5 + 100 * 10) / 16 = 81.25
  CHECK(minutes[0] == GpuSampleOf{"GPU-0", {k_minute_at, 81, k_used, 40, 30'000}});
}

TEST_CASE("what is not known does not count, and of nothing there is no average") {
  Recorder recorder;
  auto view = gpu_view(std::nullopt);
  view.power_mw.reset();
  recorder.take(look_at(k_minute, {gpu_view(50)}));
  recorder.take(look_at(k_minute + 1, {view}));
  recorder.take(look_at(k_minute + 60, {view}));
  recorder.take(look_at(k_minute + 120, {view}));
  const auto minutes = recorder.drain().minutes;
  REQUIRE(minutes.size() == 2);
  CHECK(minutes[0].sample.use_percent == 50);
  CHECK(minutes[0].sample.power_mw == 30'000);
  CHECK_FALSE(minutes[1].sample.use_percent);
  CHECK(minutes[1].sample.memory_used == k_used);
}

TEST_CASE("the minute of a GPU that has gone ends with it") {
  Recorder recorder;
  recorder.take(look_at(k_minute, {gpu_view(50), gpu_view(9, 1)}));
  recorder.take(look_at(k_minute + 1, {gpu_view(50)}));
  const auto minutes = recorder.drain().minutes;
  REQUIRE(minutes.size() == 1);
  CHECK(minutes[0].gpu == "GPU-1");
  CHECK(minutes[0].sample.use_percent == 9);
}
