// SPDX-License-Identifier: Apache-2.0
#include "tests/shim/play_daemon.h"
#include "tests/support/catch.h"

#include <csignal>
#include <unistd.h>

using namespace gpujob;
using namespace std::chrono_literals;
using test::boot_now;
using test::PlayDaemon;

namespace {

/// A torchrun as it looks from outside: an agent that catches `agent`, and below it a program of
/// its own that catches `worker` and is told of the run. The first to be asked ends both.
void torchrun(PlayDaemon& d, const std::string& agent, const std::string& worker) {
  d.python(
      "import os, signal, subprocess, sys, time\n"
      "def catch(names, mark):\n"
      "  for s in names: signal.signal(getattr(signal, 'SIG' + s),"
      " lambda *a: open(mark, 'w').close())\n"
      "if len(sys.argv) > 1:\n"
      "  catch([" +
      worker +
      "], 'worker')\n"
      "  open('ready', 'w').close()\n"
      "else:\n"
      "  catch([" +
      agent +
      "], 'agent')\n"
      "  below = dict(os.environ, TORCHELASTIC_RUN_ID='none')\n"
      "  subprocess.Popen([sys.executable, '-c', os.environ['SELF'], 'worker'], env=below)\n"
      "while not os.path.exists('worker') and not os.path.exists('agent'): time.sleep(0.02)\n");
  d.cmdline.env.push_back("SELF=" + d.cmdline.argv.back());
}

/// Both catch what they catch, and are asked now; TERM comes `grace` later. To be kept: a daemon
/// that goes at once may not be heard.
[[nodiscard]] test::PlayLink ask(const PlayDaemon& d, Duration grace = 60s) {
  d.await_file("ready");
  auto plan = d.launch.plan;
  plan.number = 1;
  plan.request_at = boot_now();
  plan.grace = grace;
  plan.term_at = boot_now() + grace;
  test::PlayLink link(d, 0);
  link.send({{"op", "plan"}, {"plan", to_json(plan)}});
  return link;
}

bool marked(const PlayDaemon& d, const char* name) {
  return ::access(d.in(name).c_str(), F_OK) == 0;
}

} // namespace

TEST_CASE("an agent that is known by its workers is spared, they are asked") {
  PlayDaemon d;
  torchrun(d, "'TERM'", "'TERM'");
  d.start();
  const auto link = ask(d);
  d.finish();
  CHECK(marked(d, "worker"));
  CHECK_FALSE(marked(d, "agent"));
  const auto recipe = d.first<journal::Recipe>();
  REQUIRE(recipe);
  CHECK(d.first<journal::Requested>()->signal == "TERM");
}

TEST_CASE("a worker that takes USR1 is asked by it although its agent takes TERM") {
  PlayDaemon d;
  torchrun(d, "'TERM'", "'USR1'");
  d.start();
  const auto link = ask(d);
  d.finish();
  CHECK(marked(d, "worker"));
  CHECK_FALSE(marked(d, "agent"));
  CHECK(d.first<journal::Requested>()->signal == "USR1");
}

TEST_CASE("an agent that was told to handle USR1 passes it on itself") {
  PlayDaemon d;
  d.cmdline.env.push_back("TORCHELASTIC_SIGNALS_TO_HANDLE=SIGTERM,SIGUSR1");
  torchrun(d, "'TERM', 'USR1'", "'USR1'");
  d.start();
  const auto link = ask(d);
  d.finish();
  CHECK(marked(d, "agent"));
  CHECK_FALSE(marked(d, "worker"));
}

TEST_CASE("an agent alone gets TERM only when the longest save was shorter than its wait") {
  const auto longest = GENERATE(Duration(20s), Duration(40s));
  PlayDaemon d;
  torchrun(d, "'TERM'", "");
  d.launch.longest_save = longest;
  d.start();
  const auto link = ask(d, 800ms);
  d.finish();
  const auto asked = d.await<journal::Requested>();
  CHECK(asked.signal == (longest < 30s ? "TERM" : ""));
}
