// SPDX-License-Identifier: Apache-2.0
#include "common/gpu/snapshot.h"

#include "common/json.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;

namespace {

nlohmann::json document(const char* more) {
  auto device = nlohmann::json::parse(R"({"vendor":"nvidia","index":0,"state":"ok"})");
  device.update(nlohmann::json::parse(more));
  return {{"devices", {device}}};
}

} // namespace

TEST_CASE("what the probe says of a GPU is read", "[gpu]") {
  const auto s = read_gpu_snapshot(document(
      R"({"minor":3,"pci":"0000:01:00.0","xid":{"last":79,"count":2},"processes_left_out":7,
          "processes":[{"pid":17,"utilization":{"gpu":64,"memory":null}},{"pid":null}]})"));
  REQUIRE(s);
  const auto& gpu = s->gpus[0];
  CHECK(gpu.minor == 3);
  CHECK(gpu.pci == "0000:01:00.0");
  CHECK((gpu.last_xid == 79 && gpu.xid_count == 2));
  CHECK(gpu.processes_left_out == 7);
  CHECK(gpu.processes->at(0).use_percent == 64);
  CHECK_FALSE(gpu.processes->at(0).memory_use_percent);
  CHECK(gpu.processes->at(1).pid == 0);
}

TEST_CASE("who a process is is read, and what would not be said of it is an error", "[gpu]") {
  const auto s = read_gpu_snapshot(document(
      R"({"processes":[{"pid":9,"here":true,"pid_here":17,"one_of":[17,18],"seen_by":"memory",
          "program":"python","job":{"id":"a1","name":"digits","told_by":"ancestor 3"}},
         {"pid":5,"here":false,"pid_here":null,"one_of":[],"job":null}]})"));
  REQUIRE(s);
  const auto& o = s->gpus[0].processes->at(0).owner;
  CHECK((o.here && o.pid == 17 && o.one_of == std::vector{17, 18}));
  CHECK((o.seen_by == "memory" && o.program == "python"));
  CHECK((o.job_id == "a1" && o.job_name == "digits" && o.told_by == "ancestor 3"));
  CHECK_FALSE(s->gpus[0].processes->at(1).owner.here);
  CHECK(s->first_namespace);
  for (const char* more : {R"({"here":1})", R"({"pid_here":-1})", R"({"one_of":7})",
                           R"({"job":"a1"})", R"({"job":{"name":"no id"}})", R"({"seen_by":[]})"}) {
    INFO(more);
    CHECK_FALSE(
        read_gpu_snapshot(document((std::string(R"({"processes":[)") + more + "]}").c_str())));
  }
}

TEST_CASE("what is not told is not there", "[gpu]") {
  const auto s = read_gpu_snapshot(document(R"({"xid":null,"minor":null,"processes":null})"));
  REQUIRE(s);
  CHECK_FALSE(s->gpus[0].xid_count);
  CHECK_FALSE(s->gpus[0].minor);
  CHECK_FALSE(s->gpus[0].processes);
}

TEST_CASE("what the probe would never say is an error", "[gpu]") {
  for (const char* more :
       {R"({"minor":"3"})", R"({"minor":-1})", R"({"minor":4294967296})", R"({"xid":79})",
        R"({"xid":{"last":79}})", R"({"processes_left_out":-1})", R"({"processes_left_out":"x"})",
        R"({"processes":[{"pid":-1}]})", R"({"processes":[{"pid":4294967295}]})",
        R"({"processes":[{"pid":1.5}]})", R"({"processes":[{"pid":1,"utilization":7}]})",
        R"({"processes":{}})", R"({"processes":[1]})", R"({"state":null})", R"({"mig":[]})"}) {
    INFO(more);
    const auto s = read_gpu_snapshot(document(more));
    CHECK_FALSE(s);
  }
}
