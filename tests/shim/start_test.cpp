// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "common/proc.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <sys/stat.h>

using namespace gpujob;
using test::PlayDaemon;

TEST_CASE("The job gets default signals, an empty mask, its own session and three descriptors") {
  PlayDaemon d;
  d.python(R"(
import os
status = dict(l.split(':\t') for l in open('/proc/self/status').read().split('\n') if l.startswith('Sig'))
print('blocked', status['SigBlk'], 'pending', status['SigPnd'])
print('parent ignored', open('/proc/%d/status' % os.getppid()).read().count('SigIgn:\t0000000000000000'))
print('session', os.getsid(0) == os.getpid(), 'group', os.getpgrp() == os.getpid())
fds = sorted(int(f) for f in os.listdir('/proc/self/fd'))
print('fds', fds[:3], all(not os.path.exists('/proc/self/fd/%d' % f) for f in fds[3:]))
print('stdin', os.readlink('/proc/self/fd/0'))
)");
  d.start(true);
  d.finish();
  CHECK(d.output() == "blocked 0000000000000000 pending 0000000000000000\n"
                      "parent ignored 0\nsession True group True\nfds [0, 1, 2] True\n"
                      "stdin /dev/null\n");
}

TEST_CASE("Signals the shim was born to ignore have their default action in the job") {
  for (const auto* name : {"INT", "QUIT"}) {
    PlayDaemon d;
    d.shell(std::string("ulimit -c 0; kill -") + name + " $$; exit 0");
    d.start(true);
    CHECK(d.finish().signal.has_value());
  }
}

TEST_CASE("Arguments, directory and environment arrive byte for byte") {
  PlayDaemon d;
  d.cmdline.env = {"PATH=/usr/bin:/bin", "KEEP=a\xff b\n", "OVER=old", "HAVE=mine",
                   "NOTIFY_SOCKET=/run/systemd/notify"};
  d.launch.env_set = {{"OVER", "new"}};
  d.launch.env_default = {{"HAVE", "theirs"}, {"LACK", "given"}};
  d.launch.argv_append = {"--resume=/c/\xfe 1"};
  d.cmdline.argv = {"python3", "-c", R"(
import os, sys
for name in (b'KEEP', b'OVER', b'HAVE', b'LACK'): print(name.decode(), os.environb[name])
print([os.fsencode(a) for a in sys.argv[1:]])
print(os.getcwd() == os.path.dirname(os.environ['NOTIFY_SOCKET']), os.environ['NOTIFY_SOCKET'][-5:])
)",
                    "a b", ""};
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(d.output() == "KEEP b'a\\xff b\\n'\nOVER b'new'\nHAVE b'mine'\nLACK b'given'\n"
                      "[b'a b', b'', b'--resume=/c/\\xfe 1']\nTrue .sock\n");
}

TEST_CASE("The program is looked for on the job's own PATH, and a script needs no #!") {
  PlayDaemon d;
  const auto bin = d.in("bin");
  REQUIRE(make_directories(bin));
  REQUIRE(atomic_replace(bin + "/train", "echo from train $1\n", 0755));
  d.cmdline.env = {"PATH=/nonexistent:" + bin + ":/usr/bin:/bin"};
  d.cmdline.argv = {"train", "now"};
  d.start();
  CHECK(d.finish().code == 0);
  CHECK(d.output() == "from train now\n");
}

TEST_CASE("The start record names shim and job, and the lock is held until the end") {
  PlayDaemon d;
  d.shell("until [ -e $D/go ]; do sleep 0.02; done");
  d.start();
  REQUIRE(test::wait_until([&] { return d.job_pid() > 0; }));
  const auto text = read_file(d.attempt("start.json"), 65536);
  REQUIRE(text);
  const auto record = decode_start_record(*text);
  REQUIRE(record);
  CHECK(record->shim_pid == d.shim_pid());
  CHECK(record->shim_start_ticks == proc::read_stat(d.shim_pid())->start_ticks);
  CHECK(record->child_start_ticks == proc::read_stat(record->child_pid)->start_ticks);
  CHECK(d.first<journal::Started>()->child_pid == record->child_pid);
  CHECK_FALSE(d.lock_is_free());
  REQUIRE(atomic_replace(d.in("go"), ""));
  d.finish();
  CHECK(d.lock_is_free());
}

TEST_CASE("A shim without its sockets still runs the job and records its end") {
  PlayDaemon d;
  d.launch.link_socket = "/nonexistent/link.sock";
  d.launch.notify_socket = "/nonexistent/notify.sock";
  d.shell("exit 4");
  d.start();
  CHECK(d.finish().code == 4);
}

TEST_CASE("Files the job's owner alone should read are not open to others") {
  PlayDaemon d;
  d.shell("exit 0");
  d.start();
  d.finish();
  for (const auto* name : {"exit.json", "start.json", "journal.jsonl", "output.log"}) {
    struct stat st {};
    REQUIRE(::stat(d.attempt(name).c_str(), &st) == 0);
    CHECK((st.st_mode & 0077) == 0);
  }
}
