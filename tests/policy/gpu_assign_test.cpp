// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/gpu_fixture.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::test;

namespace {

using Uuids = std::vector<std::string>;
const std::string k_a = gpu(0).uuid, k_b = gpu(1).uuid;

} // namespace

TEST_CASE(
    "jobs with GPUs of their own run side by side, and the third waits and is told for whom") {
  GpuBench b;
  b.begin("vit", "1");
  b.begin("gpt", "1");
  CHECK(b.held_by("vit") == Uuids{k_a});
  CHECK(b.held_by("gpt") == Uuids{k_b});
  b.submit("bert", "1");
  CHECK(b.state("bert") == "queued");
  CHECK(b.why("bert") == "waits for 1 GPU: GPU 0 is used by job vit, GPU 1 is used by job gpt");
  b.end("gpt");
  CHECK(b.held_by("gpt").empty());
  CHECK(b.state("bert") == "starting");
  CHECK(b.held_by("bert") == Uuids{k_b});
}

TEST_CASE("the attempt carries what it was given, also through the search for its checkpoint") {
  GpuBench b(1);
  b.submit("vit", "1");
  REQUIRE(b.action<Launch>());
  CHECK(b.action<Launch>()->gpus == std::vector<AssignedGpu>{{k_a, "nvidia"}});
  b.started("vit");
  b.saved("/c/m.pt", "sig1", "vit");
  b.secured(true, "", "", "vit");
  b.end("vit");
  b.step(Resumed{"vit", GpuBench::asks("1", "vit")});
  REQUIRE(b.action<Prepare>());
  CHECK(b.action<Prepare>()->gpus == std::vector<AssignedGpu>{{k_a, "nvidia"}});
  b.prepared("/c/m.pt", "vit");
  REQUIRE(b.action<Launch>());
  CHECK(b.held_by("vit") == Uuids{k_a});
}

TEST_CASE("a GPU that a program of somebody else fills is not free, and is when it has gone") {
  GpuBench b(1);
  b.change([](auto& list) {
    list[0].memory_free = 2'100'000'000;
    list[0].strangers = true;
  });
  b.submit("vit", "1");
  CHECK(b.why("vit") ==
        "waits for 1 GPU: GPU 0 has 2.1 of 16 GB free (a program that is not ours)");
  b.change([](auto& list) { list[0].memory_free = 14'400'000'000; }); // nine tenths: a desktop
  CHECK(b.state("vit") == "starting");
}

TEST_CASE("a job of ours that is seen on a GPU has it, although it was not given to it") {
  GpuBench b(1);
  b.begin("plain", "");
  b.change([](auto& list) { list[0].jobs = {"plain"}; });
  b.submit("vit", "1");
  CHECK(b.why("vit") == "waits for 1 GPU: GPU 0 is used by job plain");
  b.end("plain");
  CHECK(b.state("vit") == "queued"); // until it is seen to be off it
  b.change([](auto& list) { list[0].jobs.clear(); });
  CHECK(b.state("vit") == "starting");
}

TEST_CASE("where memory is not known, who is there decides") {
  GpuBench b(1);
  b.change([](auto& list) {
    list[0].memory_free.reset();
    list[0].strangers = true;
  });
  b.submit("vit", "1");
  CHECK(b.why("vit") == "waits for 1 GPU: GPU 0 is used by a program that is not ours");
  b.change([](auto& list) { list[0].strangers = false; });
  CHECK(b.state("vit") == "starting");
}

TEST_CASE("what this machine can never give is held at once, and says why") {
  GpuBench b(2);
  const auto held = [&](const JobId& id, const std::string& gpus) {
    b.submit(id, gpus);
    CHECK(b.state(id) == "held");
    return reason_text(b.job(id));
  };
  CHECK(held("a", "4") ==
        "needs 4 GPUs, this machine has 2: run the same line with another --gpus");
  CHECK(held("b", "0,3")
            .starts_with(
                "asks for GPU 3, and this machine has GPU 0, GPU 1 (gpujob gpu lists them)"));
  CHECK(
      held("c", "GPU-").starts_with("asks for GPU GPU-, which 2 GPUs of this machine begin with"));
  CHECK(held("d", "0," + k_a).starts_with("asks for GPU 0 twice"));
  CHECK(gpu_refusal(b.w, GpuBench::asks("2")) == std::nullopt);
  CHECK(gpu_refusal(b.w, GpuBench::asks("none")) == std::nullopt);
  GpuBench none(0);
  none.submit("a", "all");
  CHECK(reason_text(none.job("a")).starts_with("no GPU: no NVIDIA library, no AMD GPU"));
}

TEST_CASE("a GPU that does not answer is said to be what is missing") {
  GpuBench b(2);
  b.change([](auto& list) { list[1].usable = false; });
  CHECK(gpu_refusal(b.w, GpuBench::asks("2")) ==
        "needs 2 GPUs, this machine has 1: GPU 1 cannot be used: it does not answer, or tells no "
        "UUID (gpujob gpu says more)");
  CHECK(gpu_refusal(b.w, GpuBench::asks("device=1")).value().starts_with("GPU 1 cannot be used"));
  CHECK(gpu_refusal(b.w, GpuBench::asks("all")) == std::nullopt); // the one that is left
}

TEST_CASE("before the first look a job waits whatever it asks for, then it is told") {
  Bench b;
  b.step(Submitted{"vit", GpuBench::asks("1", "vit")});
  b.step(Submitted{"big", GpuBench::asks("8", "big")});
  CHECK(b.state("vit") == "queued");
  CHECK(b.state("big") == "queued");
  CHECK(reason_now(b.w, b.job("vit"), b.now) == "waits for GPUs: not looked at yet");
  b.step(GpusSeen{looked({gpu(0)})});
  CHECK(b.state("vit") == "starting");
  CHECK(b.state("big") == "held");
}

TEST_CASE("a GPU that goes for a while holds nobody: what waits for it goes on waiting") {
  GpuBench b(1);
  b.begin("vit", "1");
  b.submit("gpt", "1");
  b.see({}, "the driver does not answer");
  CHECK(b.state("gpt") == "queued");
  CHECK(b.why("gpt") == "no GPU: the driver does not answer");
  b.end("vit");
  b.see({gpu(0)});
  CHECK(b.state("gpt") == "starting");
}

TEST_CASE("a look that failed refuses nobody, and gives nothing") {
  GpuBench b(2);
  auto list = b.w.gpus.list;
  for (auto& g : list) {
    g.usable = false;
  }
  b.see(list, "gpujob-gpuprobe: no answer within 3 s");
  CHECK(gpu_refusal(b.w, GpuBench::asks("2")) == std::nullopt);
  b.submit("vit", "2");
  CHECK(b.why("vit") == "waits for GPUs: gpujob-gpuprobe: no answer within 3 s");
  b.see({gpu(0), gpu(1)});
  CHECK(b.held_by("vit") == Uuids{k_a, k_b});
}

TEST_CASE("where the driver's pids are nobody's, the program may be a job without --gpus") {
  GpuBench b(1);
  b.begin("plain", "");
  b.pass(5min);
  b.change([](auto& list) {
    list[0].memory_free = 2 * k_gb;
    list[0].strangers = true;
  });
  b.submit("vit", "1");
  CHECK(b.why("vit") ==
        "waits for 1 GPU: GPU 0 has 2 of 16 GB free (a program that is not ours, or "
        "job plain)");
}

TEST_CASE("GPUs are named by index, UUID, or the beginning of one") {
  for (const auto* name : {"device=1", "GPU-bbbb", "GPU-bbbbbbbb-1111"}) {
    GpuBench b(2);
    b.submit("vit", name);
    INFO(name);
    CHECK(b.held_by("vit") == Uuids{k_b});
  }
  GpuBench b(3);
  b.submit("vit", "2,0");
  CHECK(b.held_by("vit") == Uuids{gpu(2).uuid, k_a}); // in the order that was asked for
  b.submit("gpt", "all");
  CHECK(b.why("gpt").starts_with("waits for 3 GPUs: GPU 0 is used by job vit, GPU 2 is"));
}

TEST_CASE("a GPU that is split by MIG is not given, its devices are") {
  GpuBench b(0);
  auto whole = gpu(0);
  whole.usable = false;
  b.see({whole, mig(whole, 0), mig(whole, 1)});
  CHECK(gpu_refusal(b.w, GpuBench::asks("device=0")) ==
        "GPU 0 is split by MIG: name one of its devices, as 0:0");
  b.begin("vit", "1");
  b.begin("gpt", "device=0:1");
  CHECK(b.held_by("vit") == Uuids{mig(whole, 0).uuid});
  CHECK(b.held_by("gpt") == Uuids{mig(whole, 1).uuid});
  b.submit("bert", "1");
  CHECK(b.why("bert") == "waits for 1 GPU: GPU 0:0 is used by job vit, GPU 0:1 is used by job gpt");
  CHECK(gpu_refusal(b.w, GpuBench::asks("3")) == "needs 3 GPUs, this machine has 2");
}

TEST_CASE("a graphics chip of another vendor is given to nobody who did not name it") {
  GpuBench b(1);
  auto chip = gpu(0);
  chip.vendor = "amd";
  chip.uuid = "GPU-0123456789abcdef";
  b.see({chip, gpu(0)});
  CHECK(gpu_refusal(b.w, GpuBench::asks("2")) == "needs 2 GPUs, this machine has 1");
  b.submit("vit", "1");
  CHECK(b.held_by("vit") == Uuids{k_a});
  b.submit("gpt", "GPU-01");
  REQUIRE(b.action<Launch>());
  CHECK(b.action<Launch>()->gpus == std::vector<AssignedGpu>{{chip.uuid, "amd"}});
  GpuBench amd(0);
  amd.see({chip});
  amd.submit("vit", "1");
  CHECK(amd.held_by("vit") == Uuids{chip.uuid});
  chip.uuid.clear();
  amd.see({chip});
  CHECK(
      gpu_refusal(amd.w, GpuBench::asks("1"))
          .value()
          .ends_with(
              "GPU 0 cannot be used: it does not answer, or tells no UUID (gpujob gpu says more)"));
}

namespace {

JobSpec sharing(const JobId& id, std::int64_t bytes, const std::string& gpus = "1") {
  auto s = GpuBench::asks(gpus, id);
  s.gpu_memory = bytes;
  return s;
}

} // namespace

TEST_CASE("jobs that say how much memory they need share a GPU while it has room for all of them") {
  GpuBench b(1);
  b.step(Submitted{"a", sharing("a", 6 * k_gb)});
  b.step(Submitted{"b", sharing("b", 6 * k_gb)});
  b.step(Submitted{"c", sharing("c", 6 * k_gb)});
  CHECK(b.held_by("a") == Uuids{k_a});
  CHECK(b.held_by("b") == Uuids{k_a});
  CHECK(b.state("c") == "queued"); // although none of them has touched the GPU yet
  b.started("a");
  b.started("b");
  b.change([](auto& list) {
    list[0].jobs = {"a", "b"};
    list[0].memory_free = 5 * k_gb;
  });
  CHECK(b.state("c") == "queued");
  b.submit("whole", "1");
  CHECK(b.state("whole") == "queued");
  b.end("a");
  b.change([](auto& list) {
    list[0].jobs = {"b"};
    list[0].memory_free = 10 * k_gb;
  });
  CHECK(b.held_by("c") == Uuids{k_a});
}

TEST_CASE("who has a GPU to itself shares it with nobody who says how much he needs") {
  GpuBench b(1);
  b.begin("whole", "1");
  b.step(Submitted{"a", sharing("a", k_gb)});
  CHECK(b.why("a") == "waits for 1 GPU: GPU 0 is used by job whole");
}

TEST_CASE("who waits for a whole GPU is not overtaken for ever by those who share it") {
  GpuBench b(1);
  b.step(Submitted{"a", sharing("a", 6 * k_gb)});
  b.submit("whole", "1");
  b.step(Submitted{"b", sharing("b", 6 * k_gb)});
  CHECK(b.why("b") == "waits for 1 GPU: job whole comes first");
  b.started("a");
  b.end("a");
  CHECK(b.held_by("whole") == Uuids{k_a});
}

TEST_CASE("with --gpu-memory a program of somebody else may stay, if there is room") {
  GpuBench b(1);
  b.change([](auto& list) {
    list[0].memory_free = 7 * k_gb;
    list[0].strangers = true;
  });
  b.step(Submitted{"a", sharing("a", 6 * k_gb)});
  CHECK(b.held_by("a") == Uuids{k_a});
  // What is used may be the stranger's: what was promised to a is still to come.
  b.step(Submitted{"b", sharing("b", 2 * k_gb)});
  CHECK(b.why("b") == "waits for 1 GPU: GPU 0 is used by job a");
  CHECK(gpu_refusal(b.w, sharing("c", 20 * k_gb)) ==
        "needs 20 GB of memory on a GPU, and it has less");
  GpuBench two(2);
  two.change([](auto& list) { list[1].memory_total = list[1].memory_free = 40 * k_gb; });
  CHECK(gpu_refusal(two.w, sharing("c", 20 * k_gb, "2")) ==
        "needs 2 GPUs with 20 GB of memory, this machine has 1");
  two.step(Submitted{"c", sharing("c", 10 * k_gb)});
  CHECK(two.held_by("c") == Uuids{k_a}); // the smaller one will do
}

TEST_CASE("what waits for several GPUs gets them in its turn") {
  GpuBench b(2);
  b.begin("a", "1");
  b.submit("both", "2");
  b.submit("late", "1");
  CHECK(b.state("late") == "queued"); // GPU 1 is free, and kept for who came before
  CHECK(b.why("late") == "waits for 1 GPU: job both comes first");
  b.end("a");
  CHECK(b.held_by("both") == Uuids{k_a, k_b});
  b.started("both");
  b.end("both");
  CHECK(b.state("late") == "starting");
}

TEST_CASE("nothing is kept idle for a job that waits for what is not ours") {
  GpuBench b(2);
  b.change([](auto& list) {
    list[0].memory_free = k_gb;
    list[0].strangers = true;
  });
  b.submit("both", "2");
  b.submit("late", "1");
  CHECK(b.state("both") == "queued");
  CHECK(b.held_by("late") == Uuids{k_b});
}

TEST_CASE("unless the user said how many, jobs with GPUs are limited by GPUs alone") {
  GpuBench b(2);
  b.begin("prep", "none");
  b.begin("a", "1");
  b.begin("b", "1");
  CHECK(jobs_in_slots(b.w) == 1);
  b.submit("prep2", "none"); // needs no GPU, and there is one slot for such
  CHECK(b.state("prep2") == "queued");
  CHECK(b.why("prep2") == "waits for a slot");
  GpuBench said(2);
  said.w.slots_said = true;
  said.begin("a", "1");
  said.submit("b", "1");
  CHECK(said.why("b") == "waits for a slot");
  said.end("a");
  CHECK(said.state("b") == "starting");
}

TEST_CASE("a job that says nothing of GPUs is not started onto one that was given away") {
  GpuBench b(1);
  b.begin("vit", "1");
  b.submit("plain", "");
  CHECK(b.why("plain") ==
        "waits for a GPU: every one is given to a job (vit), and without --gpus it might use one "
        "of them: --gpus none if it needs none");
  b.submit("prep", "none");
  CHECK(b.state("prep") == "starting");
  b.started("prep");
  b.end("prep");
  b.end("vit");
  CHECK(b.state("plain") == "starting");
  CHECK(b.job("plain").gpus.empty());
}

TEST_CASE("a job that says nothing of GPUs is waited for until it is clear which one it uses") {
  GpuBench b(1);
  b.begin("plain", "");
  b.submit("vit", "1");
  CHECK(b.why("vit") == "waits for 1 GPU: job plain, which was started without --gpus, may be "
                        "about to use one");
  REQUIRE(b.last.next_wakeup);
  CHECK(*b.last.next_wakeup <= b.now.boot + 60s);
  b.pass(60s);
  b.tick();
  CHECK(b.state("vit") == "starting"); // it has shown that it uses none
}

TEST_CASE("after a daemon's death who runs has its GPU still") {
  GpuBench b(1);
  b.begin("vit", "1");
  b.job("vit").env_held = false;
  b.w.active.clear();
  b.w.gpus = {};
  adopt(b.w);
  b.tick();
  b.see({gpu(0)});
  b.submit("gpt", "1");
  CHECK(b.held_by("vit") == Uuids{k_a});
  CHECK(b.why("gpt") == "waits for 1 GPU: GPU 0 is used by job vit");
}

TEST_CASE("the same line with other GPUs goes on") {
  GpuBench b(2);
  b.begin("vit", "device=1");
  b.end("vit");
  b.see({gpu(0)}); // another machine
  b.step(Resumed{"vit", GpuBench::asks("device=1", "vit")});
  CHECK(b.state("vit") == "held");
  CHECK(reason_text(b.job("vit")).starts_with("asks for GPU 1, and this machine has GPU 0 "));
  b.step(Resumed{"vit", GpuBench::asks("1", "vit")});
  CHECK(b.held_by("vit") == Uuids{k_a});
}
