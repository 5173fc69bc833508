// SPDX-License-Identifier: Apache-2.0
#include "client/options.h"
#include "tests/support/catch.h"

using namespace gpujob::client;

namespace {

using Words = std::vector<std::string>;

template <typename Options>
Options parsed(const Words& words) {
  const auto p = parse_options(words);
  REQUIRE(p.command);
  REQUIRE(std::holds_alternative<Options>(*p.command));
  return std::get<Options>(*p.command);
}

} // namespace

TEST_CASE("everything from the command's name on belongs to the command") {
  const auto o =
      parsed<RunOptions>({"run", "--name", "x", "python", "t.py", "--name", "y", "--json"});
  CHECK(o.name == "x");
  CHECK_FALSE(o.json);
  CHECK(o.command == Words{"python", "t.py", "--name", "y", "--json"});
}

TEST_CASE("only the first -- ends our options") {
  const auto o = parsed<RunOptions>({"run", "-d", "--", "-odd", "--", "x"});
  CHECK(o.detach);
  CHECK(o.command == Words{"-odd", "--", "x"});
}

TEST_CASE("a word of the command may be anything") {
  const Words command{"run", "", "{}", "[a,b]", "++", "-", "'q'"};
  auto words = command;
  words.insert(words.begin(), "run");
  CHECK(parsed<RunOptions>(words).command == command);
}

TEST_CASE("a value may look like an option") {
  const auto o = parsed<RunOptions>({"run", "--max-interruptions", "-1", "--resume-arg",
                                     "--resume={}", "--done-when=--x", "true"});
  CHECK(o.max_interruptions == -1);
  CHECK(o.resume_arg == "--resume={}");
  CHECK(o.done_when == "--x");
  CHECK(o.command == Words{"true"});
}

TEST_CASE("a repeatable option takes one value each time, and takes it whole") {
  const auto o = parsed<RunOptions>({"run", "--env", "A=[1,2]", "--env", "B=", "--checkpoint-exit",
                                     "3", "--checkpoint-exit=4", "true"});
  CHECK(o.env == Words{"A=[1,2]", "B="});
  CHECK(o.checkpoint_exit == std::vector<int>{3, 4});
}

TEST_CASE("the ways to save of a job that catches nothing") {
  const auto o =
      parsed<RunOptions>({"run", "--checkpoint-cmd", "kill -USR1 $P", "--checkpoint-copy", "a.h5",
                          "--checkpoint-copy=b", "--recipe", "keras", "--wandb", "true"});
  CHECK(o.checkpoint_cmd == "kill -USR1 $P");
  CHECK(o.checkpoint_copy == Words{"a.h5", "b"});
  CHECK(o.recipe == "keras");
  CHECK(o.wandb);
  CHECK(parsed<CheckpointsOptions>({"checkpoints", "x", "--json"}).json);
}

TEST_CASE("the GPUs of a job") {
  const auto o = parsed<RunOptions>({"run", "--gpus", "1", "--gpu-memory=8G", "--idle-gpu", "off",
                                     "--idle-gpu-stop", "1h", "true"});
  CHECK(o.gpus == "1");
  CHECK(o.gpu_memory == "8G");
  CHECK(o.idle_gpu == "off");
  CHECK(o.idle_gpu_stop == "1h");
  CHECK(o.command == Words{"true"});
  CHECK(parsed<RunOptions>({"run", "true"}).gpus.empty());
}

TEST_CASE("stop waits unless told otherwise") {
  CHECK(parsed<StopOptions>({"stop", "a", "b"}).wait);
  CHECK(parsed<StopOptions>({"stop", "a", "b"}).jobs == Words{"a", "b"});
  CHECK_FALSE(parsed<StopOptions>({"stop", "--all", "--no-wait"}).wait);
}

TEST_CASE("settings of daemon start are passed on as the daemon takes them") {
  const auto o = parsed<DaemonStartOptions>(
      {"daemon", "start", "--session-limit", "40s", "--durable", "/d/../e", "--state", "/s"});
  CHECK(o.settings == Words{"--session-limit", "40s", "--durable", "/e"});
  CHECK(o.state == "/s");
  CHECK(parsed<DaemonStartOptions>({"daemon", "start", "--durable", "none"}).settings ==
        Words{"--durable", "none"});
}

TEST_CASE("bench takes a Python and a time for it or neither") {
  const auto o = parsed<BenchOptions>({"bench", "--python", "py", "--timeout=5s", "--json"});
  CHECK(o.python == "py");
  CHECK(o.timeout == "5s");
  CHECK(o.json);
  CHECK_FALSE(o.cpu);
  CHECK(parsed<BenchOptions>({"bench"}).timeout == "2m");
  CHECK(parsed<BenchOptions>({"bench", "--cpu"}).cpu);
}

TEST_CASE("what follows simulate is gpujobd's, help too") {
  const Words words{"--cap", "9h", "--help", "-h", "--json", "x"};
  auto all = words;
  all.insert(all.begin(), "simulate");
  CHECK(parsed<SimulateOptions>(all).arguments == words);
  CHECK(parsed<SimulateOptions>(all).json);
  CHECK_FALSE(parsed<SimulateOptions>({"simulate"}).json);
}

TEST_CASE("top is live unless it is told otherwise") {
  CHECK_FALSE(parsed<TopOptions>({"top"}).once);
  CHECK(parsed<TopOptions>({"top", "--once"}).once);
  CHECK(parsed<TopOptions>({"top", "--interval", "5s"}).interval == "5s");
}

TEST_CASE("a wrong command line is exit code 2") {
  const std::vector<Words> wrong{{},
                                 {"nosuch"},
                                 {"ps", "--nosuch"},
                                 {"run", "--nosuch", "--", "true"},
                                 {"show"},
                                 {"show", "a", "b"},
                                 {"daemon"},
                                 {"run", "--name"},
                                 {"logs", "x", "--attempt", "two"},
                                 {"run", "--max-failures", "1.5", "true"},
                                 {"run", "--gpu-memory", "8G", "true"},
                                 {"top", "digits"},
                                 {"top", "--interval"},
                                 {"bench", "800"},
                                 {"bench", "--cpu", "--python", "py"},
                                 {"bench", "--cpu", "--timeout", "5s"}};
  for (const auto& words : wrong) {
    const auto p = parse_options(words);
    CHECK_FALSE(p.command);
    CHECK(p.exit_code == 2);
  }
}
