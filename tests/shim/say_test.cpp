// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

using namespace gpujob;
using test::PlayDaemon;

namespace {

constexpr const char* k_say = "import os, socket, sys, array\n"
                              "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                              "s.connect(os.environ['NOTIFY_SOCKET'])\n";

} // namespace

TEST_CASE("The real systemd-notify with its barrier works unchanged") {
  if (::access("/usr/bin/systemd-notify", X_OK) != 0) {
    if (std::getenv("GPUJOB_TEST_STRICT") != nullptr) {
      FAIL("systemd-notify is not installed (GPUJOB_TEST_STRICT)");
    }
    WARN("skipped: systemd-notify is not installed");
    return;
  }
  PlayDaemon d;
  d.shell("systemd-notify --ready --status='epoch 1' || exit 3; exit 0");
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(d.first<journal::Ready>());
  const auto status = d.first<journal::Status>();
  REQUIRE(status);
  CHECK(status->text == "epoch 1");
}

TEST_CASE("Descriptors that come with a datagram are closed") {
  PlayDaemon d;
  d.python(std::string(k_say) + R"(
import select
r, w = os.pipe()
s.sendmsg([b'BARRIER=1'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w] * 100))])
os.close(w)
print(select.select([r], [], [], 20)[0] == [r], os.read(r, 1))
)");
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(d.output() == "True b''\n");
}

TEST_CASE("A job that notifies and exits at once is heard, and before its end") {
  PlayDaemon d;
  d.python(std::string(k_say) +
           "for i in range(100): s.send(b'X_GPUJOB_CHECKPOINT=/c/%d' % i)\nos._exit(0)\n");
  d.start();
  d.finish();
  int heard = 0;
  bool after_end = false;
  bool ended = false;
  for (const auto& record : d.journal()) {
    if (std::holds_alternative<journal::Checkpoint>(record.body)) {
      ++heard;
      after_end |= ended;
    }
    ended |= std::holds_alternative<journal::LeaderExited>(record.body);
  }
  CHECK(heard == 100);
  CHECK_FALSE(after_end);
}

TEST_CASE("Garbage and datagrams of any size do no harm") {
  PlayDaemon d;
  d.python(std::string(k_say) + R"(
for data in (b'', b'\0' * 100, b'=', os.urandom(5000), b'x' * 65536, b'STATUS=' + b'\xff' * 65000, b'y' * 100000):
    s.send(data)
s.send(b'READY=1')
)");
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(d.first<journal::Ready>());
}

TEST_CASE("Both sentinels on stdout are heard, the last one without its newline too") {
  PlayDaemon d;
  d.shell("echo gpujob: checkpoint /c/1; echo noise; echo jobd-checkpoint-complete; "
          "printf 'gpujob: checkpoint rel/2' >&2");
  d.start();
  d.finish();
  std::vector<std::string> paths;
  for (const auto& record : d.journal()) {
    if (const auto* c = std::get_if<journal::Checkpoint>(&record.body)) {
      CHECK(c->how == "stdout");
      paths.push_back(c->path);
    }
  }
  CHECK(paths == std::vector<std::string>{"/c/1", "", d.cmdline.cwd + "/rel/2"});
}

TEST_CASE("A job says in four ways that it is done") {
  PlayDaemon d;
  SECTION("by a notification") {
    d.python(std::string(k_say) + "s.send(b'X_GPUJOB_DONE=1')");
  }
  SECTION("by progress 1") {
    d.python(std::string(k_say) + "s.send(b'X_GPUJOB_PROGRESS=1.0')");
  }
  SECTION("by the file it was told to make") {
    d.launch.done_when = "finished";
    d.shell(": > $D/finished");
  }
  SECTION("by NVIDIA's flag file") {
    d.launch.env_set.emplace_back("FAULT_TOL_FINISHED_FLAG_FILE", d.in("flag"));
    d.shell(": > \"$FAULT_TOL_FINISHED_FLAG_FILE\"");
  }
  d.start();
  CHECK(d.finish().done_mark);
  CHECK(d.first<journal::DoneMark>());
}

TEST_CASE("Output above the cap gives its oldest part back") {
  PlayDaemon d;
  d.launch.log_max_bytes = 1 << 20;
  d.shell(
      "head -c 4000000 /dev/zero | tr '\\0' x; until [ -e $D/go ]; do sleep 0.02; done; echo end");
  d.start();
  const auto blocks = [&] {
    struct stat st {};
    return ::stat(d.attempt("output.log").c_str(), &st) == 0 ? st.st_blocks * 512 : 0;
  };
  REQUIRE(test::wait_until([&] { return d.output().size() >= 4000000; }));
  REQUIRE(test::wait_until([&] { return blocks() <= 1 << 20; }));
  REQUIRE(atomic_replace(d.in("go"), ""));
  CHECK(d.finish().code == 0);
  CHECK(d.output().ends_with("xxxend\n"));
}
