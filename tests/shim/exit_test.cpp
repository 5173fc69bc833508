// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/proc.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <csignal>
#include <memory>

using namespace gpujob;
using test::PlayDaemon;

TEST_CASE("Every exit code is recorded as it is") {
  constexpr int k_at_once = 32;
  for (int first = 0; first < 256; first += k_at_once) {
    std::vector<std::unique_ptr<PlayDaemon>> jobs;
    for (int code = first; code < first + k_at_once; ++code) {
      jobs.push_back(std::make_unique<PlayDaemon>());
      jobs.back()->shell("exit " + std::to_string(code));
      jobs.back()->start();
    }
    for (int i = 0; i < k_at_once; ++i) {
      const auto record = jobs[static_cast<std::size_t>(i)]->finish();
      CHECK(record.code == first + i);
      CHECK_FALSE(record.signal);
      CHECK(record.exec_error.empty());
    }
  }
}

TEST_CASE("A job that a signal ends is recorded with that signal") {
  for (const int signal : {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1, SIGINT}) {
    PlayDaemon d;
    d.shell("ulimit -c 0; kill -" + std::to_string(signal) + " $$");
    d.start();
    const auto record = d.finish();
    CHECK(record.signal == signal);
    CHECK_FALSE(record.code);
    CHECK_FALSE(record.term_sent);
    CHECK_FALSE(record.kill_sent);
    const auto gone = d.first<journal::LeaderExited>();
    REQUIRE(gone);
    CHECK(gone->signal == signal);
  }
}

TEST_CASE("A program that is not there is 127 and says so in the record and in the output") {
  PlayDaemon d;
  d.cmdline.argv = {"nosuch"};
  d.start();
  const auto record = d.finish();
  CHECK(record.code == 127);
  CHECK(record.exec_error == "exec: nosuch: No such file or directory: is it on PATH?");
  CHECK(d.output().find(record.exec_error) != std::string::npos);
}

TEST_CASE("A program that cannot be executed is 126") {
  PlayDaemon d;
  d.cmdline.argv = {"/etc/passwd"};
  d.start();
  const auto record = d.finish();
  CHECK(record.code == 126);
  CHECK(record.exec_error.find("/etc/passwd: Permission denied") != std::string::npos);
}

TEST_CASE("A working directory that is not there is 126 and named") {
  PlayDaemon d;
  d.shell("exit 0");
  d.cmdline.cwd = "/no/such/place";
  d.start();
  const auto record = d.finish();
  CHECK(record.code == 126);
  CHECK(record.exec_error.find("working directory /no/such/place: No such file") !=
        std::string::npos);
}

TEST_CASE("A command line that cannot be read is an end with a record, not a lost job") {
  PlayDaemon d;
  d.start_with("garbage");
  const auto record = d.finish();
  CHECK(record.code == 126);
  CHECK(record.exec_error.find("command line") != std::string::npos);
  CHECK(d.first<journal::LeaderExited>());
}

TEST_CASE("The record tells CPU time, memory and the last line of the journal") {
  PlayDaemon d;
  d.python("import time\nwhile time.process_time() < 0.2: pass");
  d.start();
  const auto record = d.finish();
  CHECK(record.user_s + record.system_s >= 0.2);
  CHECK(record.max_rss_kb > 1000);
  CHECK(record.last_journal_seq == d.journal().back().seq);
  CHECK_FALSE(record.done_mark);
  CHECK_FALSE(record.final_requested);
}

TEST_CASE("A record that cannot be written yet is written later, the job goes on meanwhile") {
  PlayDaemon d;
  d.shell("sleep 0.2; exit 7");
  // A directory in the way of the record's name: rename(2) refuses.
  std::filesystem::create_directories(d.attempt("exit.json/x"));
  std::filesystem::create_directories(d.attempt("start.json/x"));
  d.start();
  d.await<journal::LeaderExited>();
  REQUIRE(test::wait_until([&] {
    return d.log().find("exit record") != std::string::npos ||
           d.log().find("start record") != std::string::npos;
  }));
  CHECK_FALSE(d.lock_is_free());
  std::filesystem::remove_all(d.attempt("exit.json"));
  std::filesystem::remove_all(d.attempt("start.json"));
  CHECK(d.finish().code == 7);
}

TEST_CASE("A shim whose directory was removed leaves its record to a daemon that lives") {
  PlayDaemon d;
  d.shell("until [ -e $D/go ]; do sleep 0.02; done; exit 7");
  d.start();
  d.await<journal::Started>();
  test::PlayLink link(d, 0);
  REQUIRE(link.next_kind() == "1 started");
  REQUIRE(test::wait_until([&] { return remove_tree(d.dir()).has_value(); }));
  REQUIRE(atomic_replace(d.in("go"), ""));
  CHECK(d.finish().code == 7);
}

TEST_CASE("A shim whose directory was removed ends with its job") {
  PlayDaemon d;
  d.shell("until [ -e $D/go ]; do sleep 0.02; done");
  d.start();
  d.await<journal::Started>();
  // The shim may be writing there at this very moment.
  REQUIRE(test::wait_until([&] { return remove_tree(d.dir()).has_value(); }));
  REQUIRE(atomic_replace(d.in("go"), ""));
  CHECK(test::wait_until([&] {
    const auto stat = proc::read_stat(d.shim_pid());
    return stat && stat->state == 'Z';
  }));
}
