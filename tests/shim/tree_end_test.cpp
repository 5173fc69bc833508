// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/proc.h"
#include "common/text.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <csignal>
#include <unistd.h>

using namespace gpujob;
using namespace std::chrono_literals;
using test::PlayDaemon;
using test::PlayLink;
using test::wait_until;

namespace {

int pid_in(const std::string& path) {
  const auto text = read_file(path, 100);
  const auto pid = text ? parse_int(trim(*text)) : std::nullopt;
  return pid ? static_cast<int>(*pid) : 0;
}

bool lives(int pid) {
  const auto stat = proc::read_stat(pid);
  return stat && stat->state != 'Z';
}

} // namespace

TEST_CASE("What the leader leaves behind is ended before the record is written") {
  PlayDaemon d;
  d.shell("setsid sh -c 'echo $$ > $D/a; exec sleep 1000' & (sleep 1000 & echo $! > $D/b) ; "
          "until [ -s $D/a ] && [ -s $D/b ]; do sleep 0.01; done; exit 3");
  d.start();
  CHECK(d.finish().code == 3);
  CHECK_FALSE(lives(pid_in(d.in("a"))));
  CHECK_FALSE(lives(pid_in(d.in("b"))));
}

TEST_CASE("What ignores TERM is killed after the kill grace, without a word of it in the record") {
  PlayDaemon d;
  d.launch.plan.kill_grace = 200ms;
  d.shell("setsid sh -c 'trap \"\" TERM; echo $$ > $D/a; while :; do sleep 0.1; done' & "
          "until [ -s $D/a ]; do sleep 0.01; done; exit 0");
  d.start();
  const auto record = d.finish();
  CHECK(record.code == 0);
  CHECK_FALSE(record.term_sent);
  CHECK_FALSE(record.kill_sent);
  CHECK_FALSE(lives(pid_in(d.in("a"))));
  CHECK(record.boot_at - *d.when<journal::LeaderExited>() >= 200ms);
}

TEST_CASE("A stopped orphan is woken to hear its TERM") {
  PlayDaemon d;
  d.launch.plan.kill_grace = 20s;
  d.shell("sh -c 'trap \"echo saved > $D/saved; exit\" TERM; echo $$ > $D/a; kill -STOP $$; "
          "while :; do sleep 0.01; done' & until [ -s $D/a ]; do sleep 0.01; done; sleep 0.1");
  d.start();
  d.finish();
  CHECK(read_file(d.in("saved"), 100).has_value());
}

TEST_CASE("With keep_tree a job that daemonises goes on, and its end is the attempt's end") {
  PlayDaemon d;
  d.launch.keep_tree = true;
  d.shell("setsid sh -c 'echo $$ > $D/a; until [ -e $D/go ]; do sleep 0.02; done' & "
          "until [ -s $D/a ]; do sleep 0.01; done; exit 0");
  d.start();
  d.await<journal::LeaderExited>();
  CHECK(lives(pid_in(d.in("a"))));
  CHECK_FALSE(d.lock_is_free());
  REQUIRE(atomic_replace(d.in("go"), ""));
  CHECK(d.finish().code == 0);
}

TEST_CASE("With keep_tree the limit still ends what is left") {
  PlayDaemon d;
  d.launch.keep_tree = true;
  d.shell("setsid sleep 1000 & exit 0");
  d.start();
  d.await<journal::LeaderExited>();
  PlayLink link(d, 0);
  auto plan = d.launch.plan;
  plan.number = 1;
  plan.term_at = test::boot_now();
  link.send({{"op", "plan"}, {"plan", to_json(plan)}});
  const auto record = d.finish();
  CHECK(record.code == 0);
  CHECK_FALSE(record.term_sent); // the leader was gone before
  CHECK(d.first<journal::TermSent>());
}

TEST_CASE("Supervision below the shim is left alone") {
  PlayDaemon d;
  std::filesystem::copy_file("/bin/sleep", d.in("gpujobd"));
  d.shell("setsid $D/gpujobd 1000 & echo $! > $D/a; "
          "until [ \"$(readlink /proc/$!/exe)\" = $D/gpujobd ]; do sleep 0.01; done; exit 0");
  d.start();
  CHECK(d.finish().code == 0);
  const int daemon = pid_in(d.in("a"));
  CHECK(lives(daemon));
  ::kill(daemon, SIGKILL);
}

TEST_CASE("The signals with which a kernel or batch system ends its children do not end the shim") {
  PlayDaemon d;
  d.shell("until [ -e $D/go ]; do sleep 0.02; done; exit 6");
  d.start();
  d.await<journal::Started>();
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2}) {
    CHECK(::kill(d.shim_pid(), signal) == 0);
  }
  REQUIRE(atomic_replace(d.in("go"), ""));
  CHECK(d.finish().code == 6);
}

TEST_CASE("A fork bomb of short-lived children is reaped and ended") {
  PlayDaemon d;
  d.launch.plan.kill_grace = 100ms;
  d.shell("f() { trap '' TERM; while :; do (sleep 0.005 &); done; }; f & sleep 0.2; exit 0");
  d.start();
  CHECK(d.finish().code == 0);
}
