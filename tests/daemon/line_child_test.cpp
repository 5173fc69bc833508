// SPDX-License-Identifier: Apache-2.0
#include "daemon/process/line_child.h"

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
using process::LineChild;

namespace {

/// A program that does what `script` says with each $line.
std::string program(const TempDir& dir, const std::string& script) {
  const auto path = dir / "helper";
  REQUIRE(atomic_replace(path, "#!/bin/sh\nwhile read line; do\n" + script + "\ndone\n", 0755));
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  return path;
}

/// Asks, and runs the loop until it is answered; an error is its text.
std::string ask(boost::asio::io_context& io, LineChild& child, const std::string& line,
                Duration deadline = 30s) {
  std::string said;
  bool answered = false;
  child.ask(line, deadline, [&](Result<std::string> r) {
    said = r ? *r : r.error().text;
    answered = true;
  });
  CHECK_FALSE(answered);
  io.restart();
  while (!answered && io.run_one() > 0) {
  }
  return said;
}

} // namespace

TEST_CASE("one child answers line after line") {
  TempDir dir;
  boost::asio::io_context io;
  LineChild child(io, program(dir, "echo \"$line $$\""), "it");
  const auto first = ask(io, child, "a");
  const auto second = ask(io, child, "b");
  CHECK(first.substr(1) == second.substr(1));
  CHECK(second.starts_with("b "));
  CHECK(child.running());
}

TEST_CASE("one that does not answer in time is killed with what it started, and then replaced") {
  TempDir dir;
  boost::asio::io_context io;
  LineChild child(io, program(dir, "[ $line = hang ] && sleep 1000; echo $$"), "the driver");
  const auto pid = ask(io, child, "go");
  CHECK(ask(io, child, "hang", 100ms) == "helper: no answer within 0.1s: does the driver hang?");
  CHECK_FALSE(child.running());
  // Its end is heard of by the loop.
  CHECK(test::wait_until([&] {
    io.restart();
    io.poll();
    return ask(io, child, "go").find("still hangs") == std::string::npos;
  }));
  const auto other = ask(io, child, "go");
  CHECK(other != pid);
  CHECK(std::stoi(other) > 0);
}

TEST_CASE("one whose end was not seen yet bars the next") {
  TempDir dir;
  boost::asio::io_context io;
  LineChild child(io, program(dir, "echo ok"), "the driver");
  CHECK(ask(io, child, "go") == "ok");
  child.close(); // as one that SIGKILL does not end: nobody has reaped it
  bool refused = false;
  child.ask("go", 30s, [&](const Result<std::string>& r) {
    refused = !r && r.error().text == "helper: an earlier one still hangs in the driver";
  });
  CHECK_FALSE(child.running());
  io.restart();
  io.poll();
  CHECK(refused);
}

TEST_CASE("one that ends, or says what it was not asked, is an error and starts anew") {
  TempDir dir;
  boost::asio::io_context io;
  LineChild ends(io, program(dir, "[ $line = end ] && exit 3; echo ok"), "it");
  CHECK(ask(io, ends, "end").find("ended without an answer") != std::string::npos);
  CHECK(test::wait_until([&] { return ask(io, ends, "go") == "ok"; }));
  LineChild missing(io, "/nowhere/helper", "it");
  CHECK(ask(io, missing, "go").starts_with("start: /nowhere/helper: "));
  TempDir other;
  LineChild endless(io, program(other, "head -c 70000 /dev/zero | tr '\\0' x"), "it");
  CHECK(ask(io, endless, "go") == "helper: answers more than 64 KiB");
}

TEST_CASE("a question after its close is never answered by the one before") {
  TempDir dir;
  boost::asio::io_context io;
  LineChild child(io, program(dir, "echo ok"), "it");
  bool answered = false;
  child.ask("go", 30s, [&](const Result<std::string>&) { answered = true; });
  child.close();
  io.run(); // until its end was seen: nothing is left to wait for
  CHECK_FALSE(answered);
  CHECK(ask(io, child, "go") == "ok");
}
