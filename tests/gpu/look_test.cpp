// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/look.h"

#include "tests/gpu/looks.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::gpu;
using namespace gpujob::test;

namespace {

bool everyone(const std::string& /*job_id*/) {
  return true;
}

} // namespace

TEST_CASE("a job of another daemon is a stranger") {
  auto look = look_at(0, {gpu_view(50)});
  look.devices[0].view.processes = {process("ours", 10), process("theirs", 5)};
  count_owners(look, [](const std::string& id) { return id == "ours"; });
  CHECK(look.devices[0].jobs == std::vector<JobOnGpu>{{"ours", 10}});
  CHECK(look.devices[0].others == 1);
  CHECK(look.devices[0].view.processes->at(1).owner.job_id.empty());
}

TEST_CASE("jobs and strangers are counted per GPU, and memory that is not known stays unknown") {
  auto look = look_at(0, {gpu_view(50)});
  auto& view = look.devices[0].view;
  view.processes = {process("b", 10), process("a", 5), process("b", 7), process("", 3)};
  count_owners(look, everyone);
  CHECK(look.devices[0].jobs == std::vector<JobOnGpu>{{"a", 5}, {"b", 17}});
  CHECK(look.devices[0].others == 1);
  view.processes->push_back(process("a", std::nullopt));
  view.processes->push_back(process("a", 1));
  count_owners(look, everyone);
  CHECK(look.devices[0].jobs[0] == JobOnGpu{"a", std::nullopt});
  view.processes.reset();
  count_owners(look, everyone);
  CHECK(look.devices[0].jobs.empty());
  CHECK_FALSE(look.devices[0].others); // not told: not nobody
}

TEST_CASE("who was on a GPU a moment ago still is, where nobody can be named, and not for long") {
  auto first = look_at(100, {gpu_view(50)});
  first.devices[0].view.processes = {process("a", 5), process("", 3)};
  count_owners(first, everyone);
  const auto unnamed = [](std::int64_t s, const Look& before) {
    auto look = look_at(s, {gpu_view(50)});
    look.owners_known = false;
    count_owners(look, everyone);
    carry_owners(look, &before);
    return look;
  };
  const auto soon = unnamed(130, first);
  CHECK(soon.devices[0].jobs == first.devices[0].jobs);
  CHECK(soon.devices[0].others == 1);
  CHECK(to_policy(soon).list[0].strangers);
  const auto late = unnamed(161, soon); // since it was told, not since it was carried
  CHECK(late.devices[0].jobs.empty());
  CHECK_FALSE(late.devices[0].others);
  for (const bool listed : {true, false}) { // a driver may give no list where nobody is
    auto none = look_at(131, {gpu_view(50)});
    if (listed) {
      none.devices[0].view.processes.emplace();
    }
    count_owners(none, everyone);
    carry_owners(none, &first);
    CHECK(none.devices[0].jobs.empty()); // that is told
  }
}

TEST_CASE("a GPU without a UUID has a name of its own, and is no job's to be given") {
  auto view = gpu_view(0);
  view.uuid.clear();
  view.vendor = "amd";
  view.index = 3;
  const auto look = look_at(0, {view});
  CHECK(look.devices[0].key == "amd:3");
  CHECK_FALSE(to_policy(look).list[0].usable);
}

TEST_CASE("a snapshot of more GPUs than any machine has is cut") {
  CHECK(look_at(0, std::vector<GpuView>(100, gpu_view(0))).devices.size() == 32);
}

TEST_CASE("idleness is carried from look to look, and not over a time in which nobody looked") {
  auto first = look_at(100, {gpu_view(0)});
  carry_idleness(first, nullptr);
  CHECK(first.devices[0].idle_since == first.at.boot);
  auto second = look_at(110, {gpu_view(1)}); // a percent is no work
  carry_idleness(second, &first);
  CHECK(second.devices[0].idle_since == first.at.boot);
  auto late = look_at(171, {gpu_view(0)});
  carry_idleness(late, &second);
  CHECK(late.devices[0].idle_since == late.at.boot);
  auto busy = look_at(172, {gpu_view(2)});
  carry_idleness(busy, &late);
  CHECK_FALSE(busy.devices[0].idle_since);
  auto unknown = look_at(173, {gpu_view(std::nullopt)});
  carry_idleness(unknown, &late);
  CHECK_FALSE(unknown.devices[0].idle_since);
}

TEST_CASE("what is worth another look soon: use, memory, who, how many, how they are") {
  const auto before = look_at(0, {gpu_view(50)});
  const auto with = [&](auto change) {
    auto now = before;
    change(now.devices[0]);
    return differs(before, now);
  };
  CHECK_FALSE(with([](Device& d) { d.view.use_percent = 54; }));
  CHECK(with([](Device& d) { d.view.use_percent = 55; }));
  CHECK(with([](Device& d) { d.view.use_percent.reset(); }));
  CHECK_FALSE(with([](Device& d) { *d.view.memory_used += k_total / 200; }));
  CHECK(with([](Device& d) { *d.view.memory_used += k_total / 100; }));
  CHECK(with([](Device& d) { d.jobs.push_back({"a", 1}); }));
  CHECK(with([](Device& d) { d.others = 1; }));
  CHECK(with([](Device& d) { d.view.state = "lost"; }));
  CHECK_FALSE(with([](Device& d) { d.view.temperature_c = 99; }));
  CHECK(differs(before, look_at(0, {gpu_view(50), gpu_view(50, 1)})));
  CHECK(differs(look_at(0, {}), before));
}

TEST_CASE("a job is at work where its GPU is, or where that is not known") {
  auto look = look_at(0, {gpu_view(1)});
  CHECK_FALSE(is_job_at_work(look));
  look.devices[0].jobs = {{"a", 1}};
  CHECK_FALSE(is_job_at_work(look));
  look.devices[0].view.use_percent = 2;
  CHECK(is_job_at_work(look));
  look.devices[0].view.use_percent.reset();
  CHECK(is_job_at_work(look));
}

TEST_CASE("the core hears of MIG devices beside their GPU, each with who is on it") {
  auto view = gpu_view(std::nullopt);
  view.mig = {mig_view("MIG-1", 3), mig_view("MIG-2", 4)};
  view.processes = {process("a", 5, 3), process("", 5, 4)};
  auto look = look_at(0, {view});
  count_owners(look, everyone);
  const auto gpus = to_policy(look);
  REQUIRE(gpus.list.size() == 3);
  CHECK_FALSE(gpus.list[0].usable); // split: its parts are
  CHECK(gpus.list[0].jobs == std::set<std::string>{"a"});
  CHECK(gpus.list[1].uuid == "MIG-1");
  CHECK(gpus.list[1].parent == gpus.list[0].uuid);
  CHECK(gpus.list[1].usable);
  CHECK(gpus.list[1].jobs == std::set<std::string>{"a"});
  CHECK_FALSE(gpus.list[1].strangers);
  CHECK(gpus.list[2].jobs.empty());
  CHECK(gpus.list[2].strangers);
  CHECK(gpus.list[2].memory_free == 60);

  auto late = look_at(1, {view});
  late.owners_known = false;
  late.devices[0].view.processes.reset();
  count_owners(late, everyone);
  carry_owners(late, &look);
  CHECK(to_policy(late).list[1].jobs == std::set<std::string>{"a"});
  CHECK(to_policy(late).list[2].strangers);
}

TEST_CASE("the core hears only of what a job can depend on") {
  const auto before = to_policy(look_at(0, {gpu_view(1)}));
  CHECK(before.looked);
  CHECK(before.list[0].memory_free == k_total - k_used);
  const auto with = [&](auto change) {
    auto now = before;
    change(now.list[0]);
    return matters(before, now);
  };
  CHECK_FALSE(with([](policy::Gpu& g) { g.use_percent = 0; }));
  CHECK(with([](policy::Gpu& g) { g.use_percent = 2; }));
  CHECK(with([](policy::Gpu& g) { g.use_percent.reset(); }));
  CHECK_FALSE(with([](policy::Gpu& g) { *g.memory_free -= k_total / 25; }));
  CHECK(with([](policy::Gpu& g) { *g.memory_free -= k_total / 20; }));
  CHECK(with([](policy::Gpu& g) { g.jobs.insert("a"); }));
  CHECK(with([](policy::Gpu& g) { g.strangers = true; }));
  CHECK(with([](policy::Gpu& g) { g.usable = false; }));
  CHECK(matters(before, to_policy(look_at(0, {}))));
  CHECK(matters(policy::Gpus{}, to_policy(look_at(0, {}))));
}

TEST_CASE("a lost GPU is there, unknown and not to be given") {
  auto view = gpu_view(std::nullopt);
  view.state = "lost";
  view.memory_used.reset();
  const auto gpus = to_policy(look_at(0, {view}));
  CHECK_FALSE(gpus.list[0].usable);
  CHECK_FALSE(gpus.list[0].memory_free);
  CHECK_FALSE(gpus.list[0].use_percent);
}
