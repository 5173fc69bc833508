// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/owner_json.h"

#include "common/json.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>
#include <string>

using namespace gpujob;
using namespace gpujob::gpu;
using json::Json;

namespace {

Json reply_of(const Json& processes) {
  return {{"ok", true},
          {"devices",
           {{{"vendor", "nvidia"}, {"index", 0}, {"state", "ok"}, {"processes", processes}}}}};
}

GpuSnapshot read(const Json& reply) {
  auto s = read_gpu_snapshot(reply);
  REQUIRE(s);
  return *s;
}

GpuOwner owner(int pid, const std::string& program) {
  GpuOwner o;
  o.here = true;
  o.pid = pid;
  o.seen_by = "device";
  o.program = program;
  o.job_id = "a1";
  o.told_by = "environment";
  return o;
}

} // namespace

TEST_CASE("who was found is in the answer, and can be read from it", "[gpu]") {
  auto reply = reply_of(Json::array({{{"pid", 9}}, {{"pid", 10}}}));
  auto found = read(reply);
  found.first_namespace = false;
  found.gpus[0].processes->at(1).owner = owner(17, "python train.py");
  add_owners(reply, found, true);
  const auto again = read(reply);
  CHECK_FALSE(again.first_namespace);
  CHECK_FALSE(again.gpus[0].processes->at(0).owner.here);
  const auto& o = again.gpus[0].processes->at(1).owner;
  CHECK((o.here && o.pid == 17 && o.program == "python train.py" && o.job_id == "a1"));
}

TEST_CASE("a command line is told only where it was asked for, and never a whole frame of it",
          "[gpu]") {
  auto reply = reply_of(Json::array({{{"pid", 9}}}));
  auto found = read(reply);
  found.gpus[0].processes->at(0).owner = owner(9, "python --key SECRET" + std::string(60'000, 'x'));
  auto told = reply;
  add_owners(told, found, true);
  CHECK(told.dump().size() < 2'000);
  add_owners(reply, found, false);
  CHECK(reply.dump().find("SECRET") == std::string::npos);
}

TEST_CASE("what a process says of itself does not fill the answer", "[gpu]") {
  auto reply = reply_of(Json::array({{{"pid", 9}}, {{"pid", 10}}}));
  auto found = read(reply);
  auto& list = *found.gpus[0].processes;
  list[0].owner = owner(9, "");
  list[0].owner.job_name = std::string(100'000, 'n');
  list[0].owner.one_of = std::vector<int>(10'000, 17);
  list[1].owner = owner(10, "");
  list[1].owner.job_id = std::string(100'000, 'i'); // none of ours
  add_owners(reply, found, true);
  CHECK(reply.dump().size() < 2'000);
  CHECK(reply["devices"][0]["processes"][1]["job"].is_null());
}

TEST_CASE("a process that no driver lists is one of the answer", "[gpu]") {
  auto reply = reply_of(nullptr);
  auto found = read(reply);
  GpuProcess p;
  p.memory = 5;
  p.owner = owner(17, "");
  found.gpus[0].processes = {p};
  add_owners(reply, found, true);
  const auto& process = reply["devices"][0]["processes"][0];
  CHECK(process["pid"].is_null());
  CHECK(process["pid_here"] == 17);
  CHECK(process["memory"] == 5);
}

TEST_CASE("where nobody can be named nobody is listed: not told is not nobody", "[gpu]") {
  auto reply = reply_of(Json::array({{{"pid", 9}}}));
  drop_processes(reply);
  CHECK_FALSE(read(reply).gpus[0].processes);
  CHECK_FALSE(read(reply).owners_known);
}
