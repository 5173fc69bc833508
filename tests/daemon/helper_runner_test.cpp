// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/helper_runner.h"

#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

#include <boost/asio/io_context.hpp>
#include <sys/stat.h>
#include <vector>

using namespace gpujob;
using namespace std::chrono_literals;
using gpujob::test::TempDir;
using process::Load;

namespace {

/// A program that is called like `gpujobd --helper` and does what `script` says.
std::string helper(const TempDir& dir, const std::string& script) {
  const auto path = dir / "helper";
  REQUIRE(atomic_replace(path, "#!/bin/sh\n" + script + "\n", 0755));
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  return path;
}

} // namespace

TEST_CASE("a request goes in, its reply comes out") {
  TempDir dir;
  boost::asio::io_context io;
  process::HelperRunner helpers(io, helper(dir, "cat"));
  std::string reply;
  helpers.run("k", Load::light, "{\"op\":\"x\"}", 30s,
              [&](Result<std::string> r) { reply = r.value(); });
  io.run();
  CHECK(reply == "{\"op\":\"x\"}");
  CHECK(helpers.pending() == 0);
}

TEST_CASE("one that hangs is killed at its deadline and does not hold up the next") {
  TempDir dir;
  boost::asio::io_context io;
  process::HelperRunner helpers(
      io, helper(dir, "read line; [ \"$line\" = hang ] && exec sleep 1000; echo ok"));
  std::vector<std::string> order;
  helpers.run("k", Load::light, "hang\n", 3s,
              [&](Result<std::string> r) { order.push_back(r ? "answer" : "deadline"); });
  helpers.run("k", Load::light, "go\n", 30s,
              [&](Result<std::string> r) { order.push_back(r.value()); });
  helpers.run("other", Load::light, "go\n", 30s,
              [&](Result<std::string> r) { order.push_back("other " + r.value()); });
  io.run();
  CHECK(order == std::vector<std::string>{"other ok\n", "deadline", "ok\n"});
}

TEST_CASE("what a helper's children started is killed with it") {
  TempDir dir;
  boost::asio::io_context io;
  const auto note = dir / "grandchild";
  process::HelperRunner helpers(io,
                                helper(dir, "sh -c 'sleep 1000 & echo $! > " + note + ".new; mv " +
                                                note + ".new " + note + "; wait'; true"));
  bool answered = false;
  helpers.run("k", Load::light, "x\n", 3s,
              [&](Result<std::string> r) { answered = r.has_value(); });
  io.run();
  CHECK_FALSE(answered);
  const auto pid = read_file(note, 100);
  REQUIRE(pid);
  // Gone, or a zombie of somebody who does not look.
  CHECK(gpujob::test::wait_until([&] {
    const auto stat = read_file("/proc/" + std::to_string(std::stoi(*pid)) + "/stat", 4096);
    return !stat || stat->find(") Z ") != std::string::npos;
  }));
}

TEST_CASE("one that ends without a word, or cannot be started, is an error") {
  TempDir dir;
  boost::asio::io_context io;
  process::HelperRunner silent(io, helper(dir, "exit 3"));
  process::HelperRunner missing(io, "/nowhere/helper");
  int errors = 0;
  const auto count = [&](Result<std::string> r) { errors += r ? 0 : 1; };
  silent.run("k", Load::light, "x", 30s, count);
  missing.run("k", Load::light, "x", 30s, count);
  io.run();
  CHECK(errors == 2);
}

TEST_CASE("two heavy ones that hang hold up a third, but nothing light") {
  TempDir dir;
  boost::asio::io_context io;
  process::HelperRunner helpers(
      io, helper(dir, "read line; [ \"$line\" = hang ] && exec sleep 1000; echo ok"));
  std::vector<std::string> order;
  const auto note = [&](const std::string& who) {
    return [&order, who](const Result<std::string>& r) {
      order.push_back(who + (r ? " ok" : " hung"));
    };
  };
  helpers.run("job a", Load::heavy, "hang\n", 3s, note("a"));
  helpers.run("job b", Load::heavy, "hang\n", 3s, note("b"));
  helpers.run("job c", Load::heavy, "go\n", 30s, note("c"));
  helpers.run("scan", Load::light, "go\n", 30s, note("scan"));
  io.run();
  REQUIRE(order.size() == 4);
  CHECK(order[0] == "scan ok");
  CHECK(order[1].ends_with(" hung")); // and only then was there a place for c
}
