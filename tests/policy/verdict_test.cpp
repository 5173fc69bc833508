// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/verdict.h"
#include "tests/support/catch.h"

#include <csignal>
#include <string>

using namespace gpujob;
using namespace gpujob::policy;

namespace {

ExitFacts exited(int code) {
  ExitFacts f;
  f.has_record = true;
  f.code = code;
  return f;
}

ExitFacts killed(int signal) {
  ExitFacts f;
  f.has_record = true;
  f.signal = signal;
  return f;
}

} // namespace

// One case per row of "How an exit is read" (daemon/policy/verdict.h), in its order.

TEST_CASE("row 1: the user asked for stop, whatever the status") {
  for (auto f : {exited(0), exited(3), killed(SIGTERM), ExitFacts{}}) {
    f.stop_asked = true;
    CHECK(read_exit(f).kind == VerdictKind::stopped);
  }
}

TEST_CASE("row 2: the job said done and exited 0, even after a final request") {
  auto f = exited(0);
  f.done_mark = true;
  f.final_requested = true;
  CHECK(read_exit(f).kind == VerdictKind::done);
}

TEST_CASE("a job that said done and failed all the same has failed") {
  auto f = exited(1);
  f.done_mark = true;
  CHECK(read_exit(f).kind == VerdictKind::failed);
}

TEST_CASE("row 3: exit 0 with no final request outstanding is done") {
  CHECK(read_exit(exited(0)).kind == VerdictKind::done);
}

TEST_CASE("row 4: exit 0 after a final request is interrupted") {
  auto f = exited(0);
  f.final_requested = true;
  CHECK(read_exit(f).kind == VerdictKind::interrupted);
}

TEST_CASE("row 5: ended by our TERM or KILL at a limit, whatever the status") {
  for (auto f : {exited(1), exited(127), exited(93), killed(SIGTERM), killed(SIGKILL)}) {
    f.term_sent = EndReason::session_limit;
    CHECK(read_exit(f).kind == VerdictKind::interrupted);
    f.term_sent.reset();
    f.kill_sent = EndReason::session_limit;
    CHECK(read_exit(f).kind == VerdictKind::interrupted);
    CHECK(read_exit(f).reason == "ended by the end of the session");
    f.limit = "the gpu quota";
    CHECK(read_exit(f).reason == "ended by the gpu quota");
  }
}

TEST_CASE("a job that leaves with 0 on TERM was ended, and not only asked") {
  auto f = exited(0);
  f.final_requested = true;
  f.limit = "the gpu quota";
  CHECK(read_exit(f).reason == "ended when asked for its last save (the gpu quota)");
  f.term_sent = EndReason::session_limit;
  CHECK(read_exit(f) == Verdict{VerdictKind::interrupted, "ended by the gpu quota"});
}

TEST_CASE("row 6: no record under another boot: the session vanished") {
  ExitFacts f;
  f.same_boot = false;
  CHECK(read_exit(f).kind == VerdictKind::interrupted);
}

TEST_CASE("row 7: no record in the same boot is lost, never 0") {
  CHECK(read_exit(ExitFacts{}).kind == VerdictKind::lost);
}

TEST_CASE("row 8: codes that mean failed for good, and the user's own") {
  for (const int code : {93, 125, 126, 127}) {
    CHECK(read_exit(exited(code)).kind == VerdictKind::failed_for_good);
  }
  auto f = exited(7);
  f.no_requeue_exit = {7};
  f.newer_checkpoint = true;
  CHECK(read_exit(f).kind == VerdictKind::failed_for_good);
}

TEST_CASE("row 9: resumable codes count only with a newer checkpoint of this attempt") {
  for (const int code : {85, 42, 75, 99, 143, 130, 255}) {
    auto f = exited(code);
    CHECK(read_exit(f).kind == VerdictKind::failed);
    f.newer_checkpoint = true;
    CHECK(read_exit(f).kind == VerdictKind::interrupted);
  }
}

TEST_CASE("row 9: the user's requeue and checkpoint codes are resumable too") {
  auto f = exited(7);
  f.newer_checkpoint = true;
  CHECK(read_exit(f).kind == VerdictKind::failed);
  f.requeue_exit = {7};
  CHECK(read_exit(f).kind == VerdictKind::interrupted);
  f.requeue_exit.clear();
  f.checkpoint_exit = {7};
  CHECK(read_exit(f).kind == VerdictKind::interrupted);
}

TEST_CASE("row 9: TERM and INT that were not ours count like 143 and 130") {
  auto f = killed(SIGTERM);
  f.newer_checkpoint = true;
  CHECK(read_exit(f).kind == VerdictKind::interrupted);
}

TEST_CASE("row 10: a KILL that was not ours failed, and says what is known of memory") {
  auto f = killed(SIGKILL);
  f.newer_checkpoint = true;
  CHECK(read_exit(f).kind == VerdictKind::failed);
  CHECK(read_exit(f).reason.find("unknown") != std::string::npos);
  f.oom_kills = 1;
  CHECK(read_exit(f).reason.find("out of memory") != std::string::npos);
  f.oom_kills = 0;
  CHECK(read_exit(f).reason.find("did not rise") != std::string::npos);
  CHECK(read_exit(exited(137)).kind == VerdictKind::failed);
}

TEST_CASE("row 11: any other code or signal failed with it") {
  CHECK(read_exit(exited(1)).reason == "exit code 1");
  CHECK(read_exit(killed(SIGSEGV)).reason == "killed by signal SEGV");
}

TEST_CASE("every exit code has a verdict, and only 0 can be done") {
  for (int code = 0; code < 256; ++code) {
    for (const bool final : {false, true}) {
      for (const bool newer : {false, true}) {
        auto f = exited(code);
        f.final_requested = final;
        f.newer_checkpoint = newer;
        const auto v = read_exit(f);
        CHECK((v.kind == VerdictKind::done) == (code == 0 && !final));
        CHECK_FALSE(v.reason.empty());
      }
    }
  }
}

TEST_CASE("the shell's view of an end") {
  CHECK(shell_exit(3, {}) == 3);
  CHECK(shell_exit({}, SIGTERM) == 143);
  CHECK_FALSE(shell_exit({}, {}).has_value());
}
