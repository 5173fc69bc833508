// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;
using namespace gpujob::test;

namespace {

struct IdleBench : GpuBench {
  explicit IdleBench(int n = 1) : GpuBench(n) {}

  void use(std::optional<double> percent, std::size_t which = 0) {
    change([&](auto& list) { list[which].use_percent = percent; });
  }
  /// The daemon wakes up when it asked to be woken, and not in between.
  void sleep() {
    REQUIRE(last.next_wakeup);
    pass(*last.next_wakeup - now.boot);
    tick();
  }
  std::vector<std::string> warnings() {
    std::vector<std::string> out;
    for (const auto& a : w.announcements) {
      if (a.warning) {
        out.push_back(a.text);
      }
    }
    w.announcements.clear();
    return out;
  }
};

} // namespace

TEST_CASE("a job that leaves its GPU idle for half an hour is told of, once per stretch") {
  IdleBench b;
  b.begin("vit", "1");
  b.use(80);
  CHECK_FALSE(b.last.next_wakeup);
  b.use(1);
  CHECK(b.last.next_wakeup == b.now.boot + 30min);
  b.sleep();
  CHECK(b.warnings() ==
        std::vector<std::string>{
            "GPU 0 has been idle for 30m 00s while job vit holds it: session and quota run out all "
            "the same; gpujob stop vit saves and ends it"});
  CHECK_FALSE(b.last.next_wakeup);
  b.pass(2h);
  b.tick();
  CHECK(b.warnings().empty());
  b.use(50);
  b.use(0);
  b.sleep();
  CHECK(b.warnings().size() == 1);
}

TEST_CASE("short work begins the stretch anew, and so does what is not known") {
  for (const auto use : {std::optional(2.0), std::optional<double>{}}) {
    IdleBench b;
    b.begin("vit", "1");
    b.pass(29min);
    b.use(use);
    b.use(0);
    CHECK(b.last.next_wakeup == b.now.boot + 30min);
    b.use(use);
    CHECK_FALSE(b.last.next_wakeup);
    b.pass(5h);
    b.tick();
    CHECK(b.warnings().empty());
  }
}

TEST_CASE("one GPU at work is enough, and one that is not seen any more is not idle") {
  IdleBench b(2);
  b.begin("vit", "2");
  CHECK(b.last.next_wakeup);
  b.use(99, 1);
  CHECK_FALSE(b.last.next_wakeup);
  b.use(0, 1);
  CHECK(b.last.next_wakeup);
  b.sleep();
  CHECK(b.warnings().at(0).starts_with("GPU 0 and GPU 1 have been idle for 30m 00s while job vit "
                                       "holds them: "));
  b.see({gpu(0)});
  CHECK_FALSE(b.job("vit").gpus.empty());
  b.pass(1h);
  b.tick();
  CHECK(b.warnings().empty());
}

TEST_CASE("a job that was given none and is seen on one holds it, too") {
  IdleBench b;
  b.begin("plain", "");
  CHECK_FALSE(b.last.next_wakeup);
  b.change([](auto& list) { list[0].jobs = {"plain"}; });
  b.sleep();
  CHECK(b.warnings().size() == 1);
}

TEST_CASE("it can be told not to warn, or when") {
  IdleBench off;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu = 0s;
  off.run(s, "vit");
  CHECK_FALSE(off.last.next_wakeup);
  IdleBench soon;
  s.idle_gpu = 5min;
  soon.run(s, "vit");
  CHECK(soon.last.next_wakeup == soon.now.boot + 5min);
}

TEST_CASE("with --idle-gpu-stop it is asked to save and is stopped, and says why") {
  IdleBench b;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu_stop = 1h;
  b.run(s, "vit");
  b.record(journal::Catches{"USR1", 5}, "vit");
  b.sleep();
  CHECK(b.warnings().size() == 1);
  CHECK(b.last.next_wakeup == b.now.boot + 30min);
  b.sleep();
  CHECK(b.warnings().at(0) == "GPU 0 has been idle for 1h 00m while job vit holds it: it is asked "
                              "to save, and stopped (--idle-gpu-stop)");
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.reason == EndReason::stop);
  CHECK(b.action<SendPlan>()->plan.request_at == b.now.boot);
  auto r = b.exit_record({}, 15, "vit");
  r.term_sent = EndReason::stop;
  b.gone(r, true, "vit");
  CHECK(b.state("vit") == "stopped");
  CHECK(reason_text(b.job("vit")) == "its GPU was idle for 1h 00m");
  b.step(Resumed{"vit", s});
  CHECK(b.state("vit") == "starting");
  b.started("vit");
  b.step(StopAsked{"vit", true});
  b.gone(r, true, "vit");
  CHECK(reason_text(b.job("vit")) == "stopped by the user");
}

TEST_CASE("time that nobody watched is not taken for idleness") {
  IdleBench b;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu_stop = 30min;
  b.run(s, "vit");
  b.pass(8h); // the machine was suspended
  b.tick();
  CHECK(b.warnings().empty());
  CHECK_FALSE(b.job("vit").stop_asked);
  CHECK(b.last.next_wakeup == b.now.boot + 30min);
}

TEST_CASE("a job without GPUs is never idle on one") {
  IdleBench b;
  b.begin("prep", "none");
  b.pass(5h);
  b.tick();
  CHECK(b.warnings().empty());
  IdleBench split(0);
  auto whole = gpu(0);
  whole.usable = false;
  split.see({whole, mig(whole, 0)}); // the use of a MIG device is not told
  split.begin("vit", "1");
  CHECK_FALSE(split.last.next_wakeup);
}

TEST_CASE("a job that was asked to save is not idle until it has") {
  IdleBench b;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu = 0s;
  s.idle_gpu_stop = 1h;
  b.run(s, "vit");
  b.record(journal::Catches{"USR1", 5}, "vit");
  b.pass(59min);
  b.record(journal::Requested{1, false, "USR1", {100}}, "vit");
  b.pass(90s); // it saves by its CPU, and the hour is over
  b.tick();
  CHECK_FALSE(b.job("vit").stop_asked);
  b.pass(2min);
  b.saved("/c/m.pt", "sig", "vit");
  b.secured(true, "", "", "vit");
  CHECK_FALSE(b.job("vit").stop_asked);
  CHECK(b.last.next_wakeup == b.now.boot + 1min); // what the save took does not count
  b.sleep();
  CHECK(b.job("vit").stop_asked);
}

TEST_CASE("saves that are answered do not hide that a job leaves its GPU idle") {
  IdleBench b;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu = 30min;
  s.idle_gpu_stop = 1h;
  b.run(s, "vit");
  b.record(journal::Catches{"USR1", 5}, "vit");
  int warnings = 0;
  for (int save = 1; save <= 6 && !b.job("vit").stop_asked; ++save) {
    for (int minute = 0; minute < 10; ++minute) {
      b.pass(1min);
      b.tick();
    }
    warnings += static_cast<int>(b.warnings().size());
    b.record(journal::Requested{save, false, "USR1", {100}}, "vit");
    b.pass(20s);
    b.saved("/c/m" + std::to_string(save) + ".pt", "sig" + std::to_string(save), "vit");
    b.secured(true, "", "", "vit");
  }
  CHECK(b.job("vit").stop_asked);
  CHECK(warnings == 2); // after half of it, and that it is stopped
}

TEST_CASE("a save that never comes does not keep an idle job from being stopped") {
  IdleBench b;
  auto s = GpuBench::asks("1", "vit");
  s.idle_gpu = 0s;
  s.idle_gpu_stop = 1h;
  b.run(s, "vit");
  b.record(journal::Requested{1, false, "USR1", {100}}, "vit");
  b.sleep(); // the request is given up
  CHECK_FALSE(b.job("vit").stop_asked);
  b.sleep();
  CHECK(b.job("vit").stop_asked);
}

TEST_CASE("a stranger at work may be the job that was given no GPU, and is none that was") {
  const auto at_work = [](IdleBench& b, std::size_t which, double percent) {
    b.change([&](auto& list) {
      list[which].strangers = true;
      list[which].use_percent = percent;
    });
  };
  IdleBench b(2);
  b.begin("plain", "");
  b.change([](auto& list) { list[0].jobs = {"plain"}; });
  CHECK(b.last.next_wakeup == b.now.boot + 30min);
  at_work(b, 1, 90); // in a container its other process may look like this
  CHECK_FALSE(b.last.next_wakeup);
  at_work(b, 1, 0);
  CHECK(b.last.next_wakeup == b.now.boot + 30min);
  b.change([](auto& list) { list[1].use_percent.reset(); }); // what is not known is not idle
  CHECK_FALSE(b.last.next_wakeup);

  IdleBench own(2);
  own.begin("vit", "device=0");
  const auto due = own.now.boot + 30min;
  CHECK(own.last.next_wakeup == due);
  own.pass(10min);
  at_work(own, 1, 90);
  CHECK(own.last.next_wakeup == due);
  own.sleep();
  CHECK(own.warnings().at(0).starts_with("GPU 0 has been idle for 30m 00s while job vit holds it"));
}

TEST_CASE("a GPU on which a stranger is at work is idle for nobody") {
  IdleBench b(1);
  b.begin("vit", "1");
  CHECK(b.last.next_wakeup);
  b.change([](auto& list) {
    list[0].strangers = true;
    list[0].use_percent = 90;
  });
  CHECK_FALSE(b.last.next_wakeup); // whose the work is nobody can say
}
