// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/join.h"

#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::gpu;

namespace {

constexpr std::int64_t k_gb = 1'000'000'000;

using Ours = std::vector<int>;

std::vector<JoinedProcess> join(const GpuUsers& now) {
  return join_processes(now, nullptr, {});
}

} // namespace

TEST_CASE("one is listed and one has the GPU open: it is that", "[gpu]") {
  const auto got = join({{{70001, k_gb}}, {{17, 1, 5, {}}}});
  REQUIRE(got.size() == 1);
  CHECK(got[0].listed == 70001);
  CHECK(got[0].ours == Ours{17});
  CHECK(got[0].how == "device");
}

TEST_CASE("nobody is taken for one that nobody has open", "[gpu]") {
  CHECK(join({{}, {{17, 1, 5, {}}}}).empty());
  const auto got = join({{{70001, k_gb}, {70002, k_gb}}, {}});
  REQUIRE(got.size() == 2);
  CHECK(got[0].ours.empty());
  CHECK(got[0].how.empty());
}

TEST_CASE("several that nothing tells apart are one of several", "[gpu]") {
  const auto got = join({{{70001, k_gb}, {70002, 2 * k_gb}}, {{17, 1, 5, {}}, {18, 1, 5, {}}}});
  CHECK(got[0].ours == Ours{17, 18});
  CHECK(got[1].ours == Ours{17, 18});
  // One of ours among the host's many: which it is cannot be told, so none is named.
  const auto many = join({{{70001, k_gb}, {70002, k_gb}}, {{17, 1, 5, {}}}});
  CHECK(many[0].ours.empty());
  CHECK(many[1].ours.empty());
}

TEST_CASE("a child that has inherited the open GPU does not count", "[gpu]") {
  const GpuUsers now{{{70001, k_gb}}, {{17, 1, 5, {}}, {18, 17, 6, {}}, {19, 18, 6, {}}}};
  CHECK(join(now)[0].ours == Ours{17});
  // Unless as many are listed: then each is one of its own.
  const GpuUsers both{{{70001, k_gb}, {70002, k_gb}}, {{17, 1, 5, {}}, {18, 17, 6, {}}}};
  CHECK(join(both)[0].ours == Ours{17, 18});
}

TEST_CASE("what the driver tells of both tells them apart", "[gpu]") {
  const GpuUsers now{{{70001, k_gb}, {70002, 2 * k_gb}, {70003, {}}},
                     {{17, 1, 5, 2 * k_gb + 1'000'000}, {18, 1, 5, k_gb}, {19, 1, 5, {}}}};
  const auto got = join(now);
  CHECK((got[0].ours == Ours{18} && got[0].how == "fdinfo"));
  CHECK((got[1].ours == Ours{17} && got[1].how == "fdinfo"));
  CHECK((got[2].ours == Ours{19} && got[2].how == "device")); // the only ones left
}

TEST_CASE("two that use the same are not told apart by it", "[gpu]") {
  const GpuUsers now{{{70001, k_gb}, {70002, k_gb}}, {{17, 1, 5, k_gb}, {18, 1, 5, k_gb}}};
  CHECK(join(now)[0].ours == Ours{17, 18});
}

TEST_CASE("who came alone since the last look is who was listed then", "[gpu]") {
  const GpuUsers before{{{70001, k_gb}}, {{17, 1, 5, {}}}};
  const auto known = join(before);
  GpuUsers now = before;
  now.listed.insert(now.listed.begin(), {70009, k_gb});
  now.open.push_back({18, 1, 9, {}});
  const auto got = join_processes(now, &before, known);
  CHECK((got[0].ours == Ours{18} && got[0].how == "memory"));
  CHECK((got[1].ours == Ours{17} && got[1].how == "device"));
  // And stays it, however alike they are later.
  const auto later = join_processes(now, &now, got);
  CHECK((later[0].ours == Ours{18} && later[0].how == "memory"));
}

TEST_CASE("two that came at once are told apart by what they grow by", "[gpu]") {
  const GpuUsers before{{{70001, k_gb}, {70002, k_gb}}, {{17, 1, 5, 0}, {18, 1, 5, 0}}};
  auto now = before;
  now.listed[1].memory = 3 * k_gb;
  now.open[0].memory = 2 * k_gb; // it grew by the same, whatever its driver leaves out
  const auto got = join_processes(now, &before, join(before));
  CHECK((got[1].ours == Ours{17} && got[1].how == "memory"));
  CHECK((got[0].ours == Ours{18} && got[0].how == "device"));
}

TEST_CASE("a pid that another has now is not who had it before", "[gpu]") {
  const GpuUsers before{{{70001, k_gb}}, {{17, 1, 5, {}}}};
  const GpuUsers now{{{70001, k_gb}, {70002, k_gb}}, {{17, 1, 99, {}}, {18, 1, 99, {}}}};
  const auto got = join_processes(now, &before, join(before));
  CHECK(got[0].ours == Ours{17, 18});
}

TEST_CASE("a driver that does not say which process it lists", "[gpu]") {
  CHECK(join({{{0, k_gb}}, {{17, 1, 5, {}}}})[0].ours == Ours{17});
  const GpuUsers before{{{0, k_gb}, {0, k_gb}}, {{17, 1, 5, {}}, {18, 1, 5, {}}}};
  const auto got = join_processes(before, &before, join(before));
  CHECK(got[0].ours == Ours{17, 18});
}
