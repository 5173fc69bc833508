// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

struct XidBench : GpuBench {
  explicit XidBench(int n = 2) : GpuBench(n) {}

  /// So many errors in all, the newest of which is that one.
  void xid(std::int64_t code, std::int64_t total, std::size_t which = 0) {
    change([&](auto& list) {
      list[which].xids = total;
      list[which].last_xid = code;
    });
  }
  /// The jobs that were warned, and the one text that they heard.
  std::pair<std::vector<JobId>, std::string> warning() {
    std::pair<std::vector<JobId>, std::string> out;
    for (const auto& a : w.announcements) {
      if (a.warning) {
        CHECK((out.first.empty() || out.second == a.text));
        out.first.push_back(a.job);
        out.second = a.text;
      }
    }
    w.announcements.clear();
    return out;
  }
  std::string text() { return warning().second; }
};

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("an Xid is told once, to the jobs that were given the GPU, with what to do") {
  XidBench b;
  b.begin("vit", "device=0");
  b.begin("other", "device=1");
  b.warning();
  b.xid(79, 1);
  const auto [jobs, text] = b.warning();
  CHECK(jobs == std::vector<JobId>{"vit"});
  CHECK(text == "GPU 0: Xid 79: it has fallen off the bus: only a restart of the machine brings it "
                "back; what job vit had there cannot be saved: end this session (the VM must go) "
                "and run it again in another: it goes on from its newest durable checkpoint");
  b.change([](auto& list) { list[0].usable = false; });
  b.tick();
  CHECK(b.text().empty());
  b.xid(48, 3);
  const auto lost_bits = b.text();
  CHECK(has(lost_bits, "GPU 0: Xid 48: memory error that could not be corrected"));
  CHECK(has(lost_bits, " (the last of 2); what job vit is computing there may be wrong: "));
  CHECK(has(lost_bits, "gpujob stop --now vit"));
}

TEST_CASE("an Xid that the first look finds is told, too, and one on a GPU of nobody") {
  XidBench b(0);
  auto sick = gpu(0);
  sick.xids = 1;
  sick.last_xid = 63;
  b.see({sick});
  const auto [jobs, text] = b.warning();
  CHECK(jobs == std::vector<JobId>{""});
  CHECK(has(text, "GPU 0: Xid 63: "));
  CHECK(has(text, "; no job is on it"));
  b.see({sick, gpu(1)});
  CHECK(b.text().empty());
  b.see({gpu(1)}); // away for a while
  b.see({sick, gpu(1)});
  CHECK(b.text().empty());
}

TEST_CASE("who has died of an Xid before anybody looked is named") {
  XidBench b;
  b.begin("plain", "");
  b.change([](auto& list) { list[0].jobs = {"plain"}; });
  b.end("plain");
  b.warning();
  b.change([](auto& list) {
    list[0].jobs.clear();
    list[0].xids = 1;
    list[0].last_xid = 31;
  });
  const auto [jobs, text] = b.warning();
  CHECK(jobs == std::vector<JobId>{"plain"});
  CHECK(has(text, "mostly its own fault; job plain is on it"));
  CHECK(has(text, "gpujob logs plain"));
}

TEST_CASE(
    "a job whose save is still copied when it has died of an Xid is named, and not for long") {
  XidBench b;
  b.begin("vit", "1");
  b.change([](auto& list) { list[0].jobs.clear(); });
  b.saved("/c/m.pt", "sig", "vit");
  b.end("vit");
  REQUIRE(std::holds_alternative<Ending>(b.job("vit").state));
  b.warning();
  b.xid(31, 1);
  CHECK(b.warning().first == std::vector<JobId>{"vit"});
  b.pass(31s);
  b.xid(48, 2);
  CHECK(b.warning().first == std::vector<JobId>{""});
}

TEST_CASE("jobs are named in the order of their names, whatever their ids are") {
  XidBench b(1);
  for (const auto& [id, name] : {std::pair("1", "b"), std::pair("2", "a")}) {
    auto s = GpuBench::asks("1", name);
    s.gpu_memory = k_gb;
    b.run(s, id);
  }
  b.warning();
  b.xid(31, 1);
  const auto text = b.text();
  CHECK(has(text, "jobs a, b are on it"));
  CHECK(has(text, "gpujob logs a)"));
}

TEST_CASE("an Xid of a GPU is one of those on its MIG devices, and no other's") {
  XidBench b(0);
  auto whole = gpu(0);
  whole.usable = false;
  b.see({whole, mig(whole, 0), mig(whole, 1), gpu(1)});
  b.begin("a", "device=0:0");
  b.begin("b", "device=0:1");
  b.begin("c", "device=1");
  b.warning();
  b.xid(95, 1);
  const auto [jobs, text] = b.warning();
  CHECK(jobs == std::vector<JobId>{"a", "b"});
  CHECK(has(text, "what jobs a, b are computing there may be wrong"));
  CHECK(has(text, "gpujob stop --now a b)"));
}

TEST_CASE("a program that fails again and again is told of every ten minutes") {
  XidBench b;
  b.begin("vit", "1");
  b.warning();
  b.xid(13, 1);
  CHECK(has(b.text(), "Xid 13: "));
  b.pass(1min);
  b.xid(13, 2);
  CHECK(b.text().empty());
  b.xid(45, 3); // the same program's end
  CHECK(has(b.text(), "Xid 45: a program's work was ended, with it or after another error (the "
                      "last of 2); "));
  b.pass(8min);
  b.xid(13, 4);
  CHECK(b.text().empty());
  b.pass(1min);
  b.xid(13, 5);
  const auto again = b.text();
  CHECK(has(again, " (the last of 2); "));
  CHECK(has(again, "gpujob logs vit")); // every one of them was seen
  b.pass(1min);
  b.xid(13, 7);
  CHECK(b.text().empty());
  b.pass(9min);
  b.xid(13, 8);
  CHECK(has(b.text(), "dmesg")); // one of those that were passed over is not known
  b.end("vit");
  b.begin("next", "1");
  b.change([](auto& list) { list[0].jobs.clear(); });
  b.warning();
  b.xid(13, 9); // another job's is another trouble
  CHECK(b.warning().first == std::vector<JobId>{"next"});
}

TEST_CASE("a warning of many jobs and of an unknown Xid is one line") {
  XidBench b(1);
  for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    auto s = GpuBench::asks("1", {name});
    s.gpu_memory = k_gb;
    b.run(s, {name});
  }
  b.warning();
  b.xid(999, 1);
  const auto [jobs, text] = b.warning();
  CHECK(jobs.size() == 6);
  CHECK(text == "GPU 0: Xid 999; jobs a, b, c, d ... are on it: the kernel's log (dmesg) may say "
                "more");
  b.xid(64, 2);
  CHECK(has(b.text(), "save now, in case it fails"));
  b.xid(119, 3);
  CHECK(has(b.text(), "may hang or fail: gpujob stop a b c d ... saves what can be saved"));
}
