// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/xid_totals.h"

#include "tests/gpu/looks.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::gpu;
using namespace gpujob::test;

namespace {

using Number = std::optional<std::int64_t>;

GpuView sick(Number count, Number last = {}, std::int64_t index = 0) {
  auto view = gpu_view(50, index);
  view.xid_count = count;
  view.last_xid = last;
  return view;
}

struct Counted {
  XidTotals totals;
  std::pair<Number, Number> first(std::vector<GpuView> gpus) {
    auto look = look_at(0, std::move(gpus));
    totals.carry(look);
    const auto& view = look.devices.at(0).view;
    return {view.xid_count, view.last_xid};
  }
};

} // namespace

TEST_CASE("Xids are counted on when another probe begins to count anew") {
  Counted c;
  using Pair = std::pair<Number, Number>;
  CHECK(c.first({sick(0)}) == Pair{0, {}});
  CHECK(c.first({sick(2, 13)}) == Pair{2, 13});
  CHECK(c.first({sick(0)}) == Pair{2, 13}); // another probe knows of none
  CHECK(c.first({sick(1, 79)}) == Pair{3, 79});
  CHECK(c.first({sick({})}) == Pair{3, 79});
  CHECK(c.first({sick(1, 48)}) == Pair{4, 48}); // it had begun anew
}

TEST_CASE("Xids of a GPU that was away are not counted again, nor another's") {
  Counted c;
  using Pair = std::pair<Number, Number>;
  CHECK(c.first({sick(2, 13), sick(5, 31, 1)}) == Pair{2, 13});
  CHECK(c.first({sick(5, 31, 1)}) == Pair{5, 31});
  CHECK(c.first({sick(2, 13)}) == Pair{2, 13});
}

TEST_CASE("a GPU whose Xids are not told has none, and a new one matters to jobs") {
  Counted c;
  CHECK(c.first({sick({})}) == std::pair<Number, Number>{});
  const auto before = to_policy(look_at(0, {sick(0)}));
  auto now = to_policy(look_at(1, {sick(1, 79)}));
  CHECK(matters(before, now));
  CHECK((now.list.at(0).xids == 1 && now.list.at(0).last_xid == 79));
}
