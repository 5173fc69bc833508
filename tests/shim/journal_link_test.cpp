// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <csignal>

using namespace gpujob;
using namespace std::chrono_literals;
using test::PlayDaemon;
using test::PlayLink;

namespace {

/// Says READY, then waits to be let go.
constexpr const char* k_ready_and_wait =
    "import os, socket, time\n"
    "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', "
    "os.environ['NOTIFY_SOCKET'])\n"
    "while not os.path.exists(os.environ['D'] + '/go'): time.sleep(0.01)\n";

void let_go(const PlayDaemon& d) {
  REQUIRE(atomic_replace(d.in("go"), ""));
}

} // namespace

TEST_CASE("Hello brings the command line back, replays the journal, then it comes live") {
  PlayDaemon d;
  d.python(k_ready_and_wait);
  d.start();
  d.await<journal::Ready>();
  PlayLink link(d, 0);
  CHECK(link.hello["op"] == "hello");
  CHECK(link.hello["v"] == 1);
  CHECK(link.hello["pid"] == d.shim_pid());
  CHECK(link.hello["last"] == 2);
  const auto cmdline = read_cmdline_memfd(link.memfd.get());
  REQUIRE(cmdline);
  CHECK(*cmdline == d.cmdline);
  CHECK(link.next_kind() == "1 started");
  CHECK(link.next_kind() == "2 ready");
  let_go(d);
  CHECK(link.next_kind() == "3 leader_exited");
  CHECK(link.next_kind() == "end");
  d.finish();
  CHECK(d.lock_is_free());
}

TEST_CASE("Only what the daemon does not know yet is replayed") {
  PlayDaemon d;
  d.python(k_ready_and_wait);
  d.start();
  d.await<journal::Ready>();
  PlayLink link(d, 1);
  CHECK(link.next_kind() == "2 ready");
  let_go(d);
  d.finish();
}

TEST_CASE("A newer connection replaces the older one") {
  PlayDaemon d;
  d.python(k_ready_and_wait);
  d.start();
  d.await<journal::Ready>();
  PlayLink first(d, 2);
  PlayLink second(d, 2);
  CHECK_FALSE(first.next());
  let_go(d);
  CHECK(second.next_kind() == "3 leader_exited");
  d.finish();
}

TEST_CASE("Garbage ends the connection, not the shim") {
  PlayDaemon d;
  d.python(k_ready_and_wait);
  d.start();
  d.await<journal::Ready>();
  for (const auto& bytes : {std::string("garbage\n"), std::string(70000, 'x'),
                            std::string("{\"op\":\"plan\",\"plan\":{}}\n"),
                            std::string("{\"op\":\"hello\",\"v\":1,\"from\":0}\n")}) {
    PlayLink link(d, 2);
    link.send_raw(bytes);
    CHECK_FALSE(link.next());
  }
  PlayLink link(d, 1);
  CHECK(link.next_kind() == "2 ready");
  let_go(d);
  CHECK(d.finish().code == 0);
}

TEST_CASE("A word the shim does not know does not end the connection") {
  PlayDaemon d;
  d.python(k_ready_and_wait);
  d.start();
  d.await<journal::Ready>();
  PlayLink link(d, 2);
  link.send({{"op", "dance"}});
  let_go(d);
  CHECK(link.next_kind() == "3 leader_exited");
  d.finish();
}

TEST_CASE("A journal far longer than the socket holds is replayed whole and in order") {
  PlayDaemon d;
  d.python("import os, socket, time\n"
           "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
           "s.connect(os.environ['NOTIFY_SOCKET'])\n"
           "for i in range(6000): s.send(b'X_GPUJOB_CHECKPOINT=/c/%d' % i)\n"
           "while not os.path.exists(os.environ['D'] + '/go'): time.sleep(0.01)\n");
  d.start();
  REQUIRE(test::wait_until([&] {
    const auto text = read_file(d.attempt("journal.jsonl"), 64U << 20U);
    return text && std::count(text->begin(), text->end(), '\n') == 6001;
  }));
  PlayLink link(d, 0);
  int wrong = 0;
  for (int seq = 1; seq <= 6001; ++seq) {
    const auto line = link.next();
    wrong += line && (*line)["seq"] == seq ? 0 : 1;
  }
  CHECK(wrong == 0);
  let_go(d);
  CHECK(link.next_kind() == "6002 leader_exited");
  d.finish();
}

TEST_CASE("A plan over the link is carried out") {
  PlayDaemon d;
  d.shell("while :; do sleep 0.05; done");
  d.start();
  PlayLink link(d, 0);
  Plan plan;
  plan.number = 2;
  plan.reason = EndReason::stop;
  plan.term_at = test::boot_now();
  plan.kill_grace = 5s;
  link.send({{"op", "plan"}, {"plan", to_json(plan)}});
  const auto record = d.finish();
  CHECK(record.signal == SIGTERM);
  CHECK(record.term_sent == EndReason::stop);
}
