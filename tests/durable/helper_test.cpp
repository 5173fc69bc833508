// SPDX-License-Identifier: Apache-2.0
#include "common/fd.h"
#include "common/file.h"
#include "daemon/durable/background.h"
#include "tests/durable/world.h"

#include <algorithm>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::test;

namespace {

struct Pipe {
  Fd read_end, write_end;
};

Pipe make_pipe() {
  int fds[2] = {-1, -1};
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  return {Fd{fds[0]}, Fd{fds[1]}};
}

std::string read_line(const Fd& fd) {
  std::string out(65536, '\0');
  const auto n = ::read(fd.get(), out.data(), out.size());
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

bool is_error(const std::string& text, const std::string& errc) {
  const auto reply = Json::parse(text);
  INFO(text);
  CHECK(reply["error"].get<std::string>() != "");
  return reply["ok"] == false && reply["errc"] == errc;
}

} // namespace

TEST_CASE("a copy gives way to the jobs, and still goes on", "[helper]") {
  const auto child = ::fork();
  if (child == 0) {
    const int before = ::getpriority(PRIO_PROCESS, 0);
    durable::give_way();
    const int after = ::getpriority(PRIO_PROCESS, 0);
    const auto io = ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    const bool lowest = IOPRIO_PRIO_CLASS(io) == IOPRIO_CLASS_BE && IOPRIO_PRIO_DATA(io) == 7;
    ::_exit(after == std::min(before + 5, 19) && lowest ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("one request in, one line out, over a pipe", "[helper]") {
  const World w;
  auto in = make_pipe(), out = make_pipe();
  const auto request = Json{{"op", "scan"}, {"dirs", {w.durable()}}}.dump();
  std::thread writer([&] {
    for (const char c : request) {
      (void)write_all(in.write_end.get(), std::string_view(&c, 1));
    }
    in.write_end.reset();
  });
  CHECK(durable::run_helper(in.read_end.get(), out.write_end.get()) == 0);
  writer.join();
  const auto reply = read_line(out.read_end);
  CHECK(reply.find('\n') == reply.size() - 1);
  CHECK(Json::parse(reply)["ok"] == true);
}

TEST_CASE("a memfd is read from its start, wherever its position is", "[helper]") {
  auto out = make_pipe();
  const Fd in{::memfd_create("request", MFD_CLOEXEC)};
  REQUIRE(write_all(in.get(), R"({"op":"scan","dirs":[]})"));
  CHECK(durable::run_helper(in.get(), out.write_end.get()) == 0);
  CHECK(Json::parse(read_line(out.read_end))["ok"] == true);
}

TEST_CASE("descriptors that fail are exit codes", "[helper]") {
  auto out = make_pipe();
  CHECK(durable::run_helper(-1, out.write_end.get()) == 0);
  CHECK(is_error(read_line(out.read_end), "bad_data"));
  const Fd in{::memfd_create("request", MFD_CLOEXEC)};
  CHECK(durable::run_helper(in.get(), -1) == 1);
}

TEST_CASE("what is no request is bad data", "[helper]") {
  for (const auto* text : {"",
                           "{",
                           "[]",
                           "null",
                           "5",
                           "\"x\"",
                           "{}",
                           R"({"op":5})",
                           R"({"op":"format"})",
                           R"({"op":"scan"})",
                           R"({"op":"scan","dirs":"x"})",
                           R"({"op":"open"})",
                           R"({"op":"open","dir":"relative"})",
                           R"({"op":"open","dir":""})",
                           R"({"op":"open","dir":{"b64":"L3gAeQ=="}})",
                           R"({"op":"resume","ckpt_dir":"/x"})",
                           R"({"op":"resume","ckpt_dir":"/x","candidates":[5]})",
                           R"({"op":"resume","ckpt_dir":"/x","candidates":[{"path":"rel"}]})",
                           R"({"op":"heartbeat","dir":"/tmp","session":"../x","seq":1,"at_ns":1})",
                           "\xff\xfe"}) {
    INFO(text);
    CHECK(is_error(durable::handle_request(text), "bad_data"));
  }
}

TEST_CASE("ids become names only when they are ids", "[helper]") {
  World w;
  put(w.ckpt() + "/a.pt", torch_file());
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"job", "../x"},
                                                 {"job", ""},
                                                 {"job", "UP"},
                                                 {"job", std::string(65, 'a')},
                                                 {"job", 5},
                                                 {"job", nullptr},
                                                 {"session", "a/b"},
                                                 {"session", "a-b"},
                                                 {"attempt", 0},
                                                 {"attempt", -1},
                                                 {"attempt", 1LL << 40},
                                                 {"attempt", 1.5},
                                                 {"attempt", "1"},
                                                 {"seq", 0},
                                                 {"seq", -5},
                                                 {"path", ""},
                                                 {"path", nullptr},
                                                 {"path", "relative.pt"},
                                                 {"dir", "relative"},
                                                 {"level", "flushed"},
                                                 {"keep", -1},
                                                 {"manifest", "relative"},
                                                 {"step", "x"},
                                                 {"how", nullptr},
                                                 {"at_ns", nullptr}}) {
    auto request = w.secure_request(w.ckpt() + "/a.pt", 1);
    request[key] = value;
    INFO(key << " = " << value.dump());
    CHECK(is_error(durable::handle_request(request.dump()), "bad_data"));
  }
  CHECK(std::filesystem::is_empty(w.durable()));
}

TEST_CASE("what begins and ends an attempt is checked as well", "[helper]") {
  World w;
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{
           {"spec", nullptr},
           {"spec", Json::object()},
           {"budgets", nullptr},
           {"budgets", {{"interruptions", -1}, {"failures", 0}, {"no_progress", 0}}},
           {"budgets", {{"interruptions", 1}}},
           {"at_ns", "x"},
           {"session", "."}}) {
    auto request = w.begin_request();
    request[key] = value;
    INFO(request.dump());
    CHECK(is_error(durable::handle_request(request.dump()), "bad_data"));
  }
  CHECK(std::filesystem::is_empty(w.durable()));
}

TEST_CASE("a durable directory that has gone is an error, never made anew", "[helper]") {
  World w;
  put(w.ckpt() + "/a.pt", torch_file());
  std::filesystem::remove(w.durable());
  CHECK(is_error(durable::handle_request(w.begin_request().dump()), "io"));
  const auto reply = World::ask_well(w.secure_request(w.ckpt() + "/a.pt", 1));
  CHECK(reply["verified"] == true);
  CHECK(reply["durable"].is_null());
  CHECK(reply["durable_error"].get<std::string>().starts_with("durable directory: " + w.durable()));
  CHECK_FALSE(std::filesystem::exists(w.durable()));
}

TEST_CASE("a path that is no checkpoint is not verified, and says why", "[helper]") {
  const World w;
  for (const std::string& path : {std::string("/"), w.ckpt() + "/..", std::string("/dev/null"),
                                  w.ckpt() + "/none/x", std::string("/proc/self/mem/x")}) {
    const auto reply = World::ask_well(w.secure_request(path, 1));
    INFO(reply.dump());
    CHECK(reply["verified"] == false);
    CHECK(reply["why"] != "");
  }
}
