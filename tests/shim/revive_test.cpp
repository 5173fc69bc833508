// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/wait.h"

#include <algorithm>
#include <unistd.h>

using namespace gpujob;
using namespace std::chrono_literals;
using test::PlayDaemon;
using test::PlayLink;
using test::wait_until;

namespace {

/// A "daemon" that leaves a line about itself in D/revived and ends.
void give_daemon(PlayDaemon& d) {
  const auto exe = d.in("daemon.sh");
  REQUIRE(atomic_replace(exe,
                         "#!/bin/sh\n"
                         "ign=$(grep SigIgn /proc/$$/status | cut -f2)\n"
                         "blk=$(grep SigBlk /proc/$$/status | cut -f2)\n"
                         "fds=$(for f in /proc/$$/fd/*; do readlink $f; done | tr '\\n' ' ')\n"
                         "echo \"$1 ign $ign blk $blk fds $fds\" >> $2/revived\n",
                         0700));
  d.launch.revive = Revive{exe, {"--revive", d.in("")}, d.in("daemon.lock"), d.in("stopped")};
  d.shell("until [ -e $D/go ]; do sleep 0.02; done");
}

void end(PlayDaemon& d) {
  REQUIRE(atomic_replace(d.in("go"), ""));
  d.finish();
}

/// Others use this machine, too: the best of three, or the first that is under two seconds.
template <typename Once>
Duration soonest(Once once) {
  auto best = Duration::max();
  for (int i = 0; i < 3 && best >= 2s; ++i) {
    best = std::min(best, once());
  }
  return best;
}

} // namespace

TEST_CASE("Without a daemon one is started within two seconds") {
  CHECK(soonest([] {
          PlayDaemon d;
          give_daemon(d);
          const auto before = test::boot_now();
          d.start();
          d.await_file("revived");
          const auto took = test::boot_now() - before;
          end(d);
          return took;
        }) < 2s);
}

TEST_CASE("A daemon that is started has nothing of the shim's") {
  PlayDaemon d;
  give_daemon(d);
  d.start();
  d.await_file("revived");
  REQUIRE(wait_until(
      [&] { return read_file(d.in("revived"), 4096)->find('\n') != std::string::npos; }));
  const auto text = *read_file(d.in("revived"), 4096);
  CHECK(text.starts_with("--revive ign 0000000000000000 blk 0000000000000000 fds /dev/null "
                         "/dev/null "));
  for (const auto* ours : {"memfd:", "socket:", "anon_inode:", "/attempt/"}) {
    CAPTURE(ours, text);
    CHECK(text.find(ours) == std::string::npos);
  }
  end(d);
}

TEST_CASE("While the daemon's lock is held none is started, and when it is let go one is") {
  PlayDaemon d;
  give_daemon(d);
  auto lock = lock_file(d.in("daemon.lock"));
  REQUIRE(lock);
  d.start();
  // The shim has had a look or two by the time it has been running for a second.
  REQUIRE(wait_until([&] {
    const auto started = d.when<journal::Started>();
    return started && test::boot_now() - *started > 1s;
  }));
  CHECK(::access(d.in("revived").c_str(), F_OK) != 0);
  lock->reset();
  d.await_file("revived");
  end(d);
}

TEST_CASE("After a stop that was asked for no daemon is started") {
  PlayDaemon d;
  give_daemon(d);
  REQUIRE(atomic_replace(d.in("stopped"), ""));
  d.start();
  REQUIRE(wait_until([&] {
    const auto started = d.when<journal::Started>();
    return started && test::boot_now() - *started > 1s;
  }));
  CHECK(::access(d.in("revived").c_str(), F_OK) != 0);
  end(d);
}

TEST_CASE(
    "A connection keeps the shim from starting a daemon, and its loss brings one in two seconds") {
  CHECK(soonest([] {
          PlayDaemon d;
          give_daemon(d);
          auto lock = lock_file(d.in("daemon.lock"));
          REQUIRE(lock);
          d.start();
          BootTime lost{};
          {
            PlayLink link(d, 0);
            lock->reset();
            REQUIRE(wait_until([&] {
              const auto started = d.when<journal::Started>();
              return started && test::boot_now() - *started > 700ms;
            }));
            CHECK(::access(d.in("revived").c_str(), F_OK) != 0);
            lost = test::boot_now();
          }
          d.await_file("revived");
          const auto took = test::boot_now() - lost;
          end(d);
          return took;
        }) < 2s);
}
