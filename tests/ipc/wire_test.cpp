// SPDX-License-Identifier: Apache-2.0
#include "common/cmdline.h"
#include "common/json.h"
#include "tests/ipc/wire.h"
#include "tests/schema/schema_check.h"

using namespace gpujob;
using namespace gpujob::test;
using json::Json;

namespace {

Json spec_json(const std::string& name) {
  JobSpec s;
  s.name = "placeholder";
  s.argv = {"train"};
  s.cwd = "/";
  auto j = to_json(s);
  j["name"] = name;
  return j;
}

Fd command_line() {
  auto fd = make_sealed_memfd(encode_cmdline({{"train"}, "/", {"SECRET=1"}}));
  REQUIRE(fd);
  return std::move(*fd);
}

Json run(Wire& wire, const std::string& name, Json more = Json::object()) {
  more["spec"] = spec_json(name);
  const auto fd = command_line();
  return wire.call("run", more, fd.get());
}

void check_result(const Json& answer, const std::string& schema) {
  INFO(answer.dump());
  REQUIRE(answer.contains("result"));
  CHECK(why_invalid(protocol_schema(schema), answer["result"]) == "");
}

void started(Wire& wire, const policy::JobId& id) {
  wire.backend.step(policy::ShimRecord{
      id, 1, {1, wire.backend.at.boot, wire.backend.at.wall, journal::Started{7}}, "", ""});
}

void ended(Wire& wire, const policy::JobId& id, int code) {
  ExitRecord r;
  r.code = code;
  wire.backend.step(policy::ShimGone{id, wire.backend.w.jobs.at(id).attempt, r, true});
}

} // namespace

TEST_CASE("every verb's answer meets its schema") {
  Wire wire;
  wire.hello();
  auto answer = run(wire, "digits");
  check_result(answer, "run_result");
  CHECK(answer["result"]["disposition"] == "started");
  const auto id = answer["result"]["job"]["id"].get<std::string>();
  started(wire, id);
  check_result(wire.call("ps", {{"all", true}}), "ps_result");
  check_result(wire.call("show", {{"job", "digits"}}), "job_view");
  check_result(wire.call("logs", {{"job", "digits"}}), "logs_result");
  check_result(wire.call("watch", {{"job", "digits"}}), "job_view");
  check_result(wire.call("checkpoint", {{"job", "digits"}}), "checkpoint_result");
  CHECK(wire.call("notice", {{"in_s", 2.5}, {"text", "me"}}).contains("result"));
  CHECK(std::exchange(wire.backend.said, {}) == "me in 2.500000");
  CHECK(wire.call("notice", {{"cancel", true}}).contains("result"));
  CHECK(std::exchange(wire.backend.said, {}) == "cancelled");
  CHECK(wire.call("limits.set", {{"values", {{"idle", "45m"}}}}).contains("result"));
  CHECK(wire.backend.limits == std::map<std::string, std::string>{{"idle", "45m"}});
  const Json entry{{"verb", "set"}, {"name", "gpu"}, {"amount", "3h"}};
  check_result(wire.call("quota.say", {{"entries", {entry}}, {"by", "me"}}), "quota_say_result");
  CHECK(wire.backend.said == "me [" + entry.dump() + "]");
  check_result(wire.call("stop", {{"jobs", {"digits"}}}), "stop_result");
  ended(wire, id, 0);
  check_result(wire.call("rm", {{"jobs", {"digits"}}}), "rm_result");
  CHECK(wire.backend.removed == std::vector<policy::JobId>{id});
  check_result(wire.call("daemon.stop", Json::object()), "daemon_stop_result");
  CHECK(wire.backend.stopped);
}

TEST_CASE("gpu asks how far back, of which GPU and from where on, and what is null is not said") {
  Wire wire;
  wire.hello();
  auto asked = wire.call("gpu", {{"history_s", 60}, {"gpu", "GPU-1"}, {"cursor", "0:1:5"}});
  CHECK(asked["result"] == Json{{"history_s", 60.0}, {"gpu", "GPU-1"}, {"cursor", "0:1:5"}});
  asked = wire.call("gpu", {{"history_s", nullptr}, {"gpu", nullptr}, {"cursor", nullptr}});
  CHECK(asked["result"] == Json{{"history_s", 0.0}, {"gpu", ""}, {"cursor", ""}});
  CHECK(wire.call("gpu", {{"history_s", 0}}).contains("error"));
  CHECK(wire.call("gpu", {{"history_s", -1}}).contains("error"));
  CHECK(wire.call("gpu", {{"history_s", 1e300}}).contains("error"));
  CHECK(wire.call("gpu", {{"cursor", 7}}).contains("error"));
}

TEST_CASE("gpu.snapshots are of all or of a job that there is") {
  Wire wire;
  wire.hello();
  const auto id = run(wire, "digits")["result"]["job"]["id"];
  CHECK(wire.call("gpu.snapshots", {{"job", nullptr}})["result"]["job"] == "all");
  CHECK(wire.call("gpu.snapshots", {{"job", "digits"}, {"cursor", "3"}})["result"] ==
        Json{{"job", id}, {"cursor", "3"}});
  CHECK(wire.call("gpu.snapshots", {{"job", "other"}}).contains("error"));
  CHECK(wire.call("gpu.snapshots", {{"job", 7}}).contains("error"));
}

TEST_CASE("an unnamed job is named after its id") {
  Wire wire;
  wire.hello();
  const auto job = run(wire, "")["result"]["job"];
  CHECK(job["name"] == job["id"]);
  CHECK(wire.backend.lines.contains(job["id"].get<std::string>()));
}

TEST_CASE("running, parked and done each have their answer to the same line") {
  Wire wire;
  wire.hello();
  const auto id = run(wire, "x")["result"]["job"]["id"].get<std::string>();
  CHECK(run(wire, "x")["result"]["disposition"] == "attached");
  started(wire, id);
  ended(wire, id, 1);
  CHECK(run(wire, "x")["result"]["disposition"] == "resumed");
  wire.backend.step(policy::ShimRecord{
      id, 2, {1, wire.backend.at.boot, wire.backend.at.wall, journal::Started{7}}, "", ""});
  ended(wire, id, 0);
  CHECK(run(wire, "x")["error"]["data"]["errc"] == "refused");
  const auto again = run(wire, "x", {{"again", true}});
  CHECK(again["result"]["job"]["id"] != id);
}

TEST_CASE(
    "a lease, an unreadable durable directory and a short session refuse, and start nothing") {
  Wire wire;
  wire.hello();
  const auto id = run(wire, "x")["result"]["job"]["id"].get<std::string>();
  started(wire, id);
  ended(wire, id, 1);
  wire.backend.holder = "another session runs it";
  CHECK(run(wire, "x")["error"]["message"].get<std::string>().find("--take-over") !=
        std::string::npos);
  const auto taken = run(wire, "x", {{"take_over", true}});
  CHECK(taken["result"]["notes"][0] == "taken over: another session runs it");
  wire.backend.holder.reset();
  wire.backend.durable = Error{Errc::io, "it hangs"};
  CHECK(run(wire, "y")["error"]["data"]["errc"] == "io");
  wire.backend.durable = {};
  wire.backend.w.session.limit = Duration{std::chrono::hours{1}};
  wire.backend.w.session.plan_end = wire.backend.at.boot + std::chrono::seconds{5};
  CHECK(run(wire, "y")["error"]["message"].get<std::string>().find("nothing started") !=
        std::string::npos);
  CHECK(wire.backend.w.jobs.size() == 1);
}

TEST_CASE("a run without its command line, or with a descriptor that could change, is refused") {
  Wire wire;
  wire.hello();
  CHECK(wire.call("run", {{"spec", spec_json("x")}}).contains("error"));
  int pipe_fds[2];
  REQUIRE(::pipe(pipe_fds) == 0);
  const Fd reader{pipe_fds[0]}, writer{pipe_fds[1]};
  CHECK(wire.call("run", {{"spec", spec_json("x")}}, reader.get()).contains("error"));
  CHECK(wire.backend.w.jobs.empty());
}

TEST_CASE("wrong types in params are errors that name the key") {
  Wire wire;
  wire.hello();
  for (const auto& [method, params] :
       std::vector<std::pair<std::string, Json>>{{"show", {{"job", 7}}},
                                                 {"show", Json::array()},
                                                 {"ps", {{"all", "yes"}}},
                                                 {"ps", {{"cursor", 1.5}}},
                                                 {"stop", {{"jobs", "x"}}},
                                                 {"stop", Json::object()},
                                                 {"rm", {{"jobs", Json::array()}}},
                                                 {"quota.say", {{"entries", Json::array()}}},
                                                 {"quota.say", {{"entries", 1}}},
                                                 {"limits.set", Json::object()},
                                                 {"limits.set", {{"values", Json::object()}}},
                                                 {"notice", {{"in_s", -1}}},
                                                 {"logs", {{"job", "x"}, {"attempt", "1"}}},
                                                 {"run", {{"spec", 7}}},
                                                 {"nonsense", Json::object()}}) {
    INFO(method << params.dump());
    CHECK(wire.call(method, params).contains("error"));
  }
}

TEST_CASE("so many jobs that an answer cannot name them all are stopped and removed all the same") {
  Wire wire;
  wire.hello();
  wire.backend.w.slots = 3;
  for (int i = 0; i < 1000; ++i) {
    const auto id = "a" + std::to_string(1'000'000 + i);
    wire.backend.step(policy::Submitted{
        id, job_spec_from_json(spec_json(id + std::string(90, '\\'))).value(), true});
  }
  auto answer = wire.call("stop", {{"all", true}, {"now", true}});
  CHECK(answer.dump().size() < 64 * 1024);
  check_result(answer, "stop_result");
  const auto& jobs = answer["result"]["jobs"];
  CHECK(jobs.size() + answer["result"]["more"].get<std::size_t>() == 1000);
  // Those that still end are there to be waited for.
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CHECK((jobs[i]["state"] == "stopped") == (i >= 3));
  }
  std::vector<std::string> ids;
  for (const auto& [id, job] : wire.backend.w.jobs) {
    if (job.ended_state() != nullptr) {
      ids.push_back(id);
    }
  }
  CHECK(ids.size() == 997);
  answer = wire.call("rm", {{"jobs", ids}});
  CHECK(answer.dump().size() < 64 * 1024);
  check_result(answer, "rm_result");
  CHECK(answer["result"]["more"] == 797);
  CHECK(wire.backend.removed.size() == 997);
  check_result(wire.call("daemon.stop", Json::object()), "daemon_stop_result");
}

TEST_CASE("a page of strange names and reasons fits a frame too") {
  Wire wire;
  wire.hello();
  for (int i = 0; i < 100; ++i) {
    const auto id = "a" + std::to_string(1'000'000 + i);
    const auto name = id + std::string(90, '\\');
    wire.backend.step(policy::Submitted{id, job_spec_from_json(spec_json(name)).value(), true});
    wire.backend.w.jobs.at(id).state = policy::Held{std::string(1000, '\xff')};
  }
  std::size_t listed = 0;
  Json cursor = 0;
  while (!cursor.is_null()) {
    const auto answer = wire.call("ps", {{"all", true}, {"cursor", cursor}});
    CHECK(answer.dump().size() < 64 * 1024);
    listed += answer["result"]["jobs"].size();
    cursor = answer["result"]["next"];
  }
  CHECK(listed == 100);
}

TEST_CASE("a long list comes in pages that fit a frame") {
  Wire wire;
  wire.hello();
  for (int i = 0; i < 150; ++i) {
    run(wire, std::string(90, 'n') + std::to_string(i));
  }
  std::size_t listed = 0;
  Json cursor = 0;
  while (!cursor.is_null()) {
    const auto answer = wire.call("ps", {{"all", true}, {"cursor", cursor}});
    CHECK(answer.dump().size() < 64 * 1024);
    listed += answer["result"]["jobs"].size();
    cursor = answer["result"]["next"];
  }
  CHECK(listed == 150);
}
