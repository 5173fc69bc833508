// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/detect.h"
#include "tests/support/catch.h"

using namespace gpujob;
using shim::Candidate;
using shim::detect;

namespace {

std::string_view seen(std::vector<std::string> argv, bool torch = false) {
  Candidate c;
  c.argv = std::move(argv);
  c.torch_agent = torch;
  return detect("auto", {c}).recipe->name;
}

} // namespace

TEST_CASE("a framework is told by what its command line switches on") {
  CHECK(seen({"python3", "pretrain_gpt.py", "--exit-signal-handler"}) == "megatron");
  CHECK(seen({"python3", "run_clm.py", "--enable_jit_checkpoint"}) == "hf-trainer");
  CHECK(seen({"python3", "run_clm.py", "--enable_jit_checkpoint", "True"}) == "hf-trainer");
  CHECK(seen({"python3", "run_clm.py", "--enable-jit-checkpoint=true"}) == "hf-trainer");
  CHECK(seen({"torchrun", "train.py"}, true) == "torchrun");
  CHECK(seen({"torchrun", "pretrain_gpt.py", "--exit-signal-handler"}, true) == "megatron");
}

TEST_CASE("what is switched off, or cannot be seen, is plain") {
  CHECK(seen({"python3", "run_clm.py", "--enable_jit_checkpoint=False"}) == "plain");
  CHECK(seen({"python3", "run_clm.py", "--enable_jit_checkpoint", "false"}) == "plain");
  CHECK(seen({"python3", "lightning_main.py", "fit"}) == "plain");
  CHECK(detect("auto", {}).recipe->name == "plain");
}

TEST_CASE("what the user chose is in force, whatever is seen") {
  const auto found = detect("lightning", {});
  CHECK(found.recipe->name == "lightning");
  CHECK(found.recipe->exits);
  CHECK(found.why == "--recipe");
}
