// SPDX-License-Identifier: Apache-2.0
#include "client/environment.h"
#include "client/run_request.h"
#include "common/frame.h"
#include "common/json.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace gpujob;
using namespace gpujob::client;

namespace {

using Words = std::vector<std::string>;

RunOptions command(Words words) {
  RunOptions o;
  o.command = std::move(words);
  return o;
}

const Words k_env{"PATH=/usr/bin:/bin", "HOME=/root"};

Errc refusal(const RunOptions& o, const Words& env = k_env, const std::string& cwd = "/") {
  const auto made = make_run_request(o, env, cwd);
  REQUIRE_FALSE(made);
  return made.error().code;
}

} // namespace

TEST_CASE("paths of a job are absolute, its words are its own") {
  auto o = command({"sh", "./x"});
  o.checkpoint_path = {"out/*.pt", "/abs/*"};
  o.done_when = "done";
  o.checkpoint_signal = "sigusr2";
  const auto made = make_run_request(o, k_env, "/tmp");
  REQUIRE(made);
  CHECK(made->spec.checkpoint_path == Words{"/tmp/out/*.pt", "/abs/*"});
  CHECK(made->spec.done_when == "/tmp/done");
  CHECK(made->spec.checkpoint_signal == "USR2");
  CHECK(made->cmdline.argv == Words{"sh", "./x"});
  CHECK(made->cmdline.cwd == "/tmp");
}

TEST_CASE("the environment is ours with what --env says, less a surrounding job's") {
  auto o = command({"sh"});
  o.env = {"HOME=/other", "NEW=a=b"};
  const Words env{"PATH=/bin",        "HOME=/root",       "GPUJOB_JOB_ID=x",
                  "GPUJOB_RESUME=/y", "NOTIFY_SOCKET=/z", "GPUJOB_RUNTIME_DIR=/r"};
  const auto made = make_run_request(o, env, "/");
  REQUIRE(made);
  CHECK(made->cmdline.env == Words{"PATH=/bin", "GPUJOB_RUNTIME_DIR=/r", "HOME=/other", "NEW=a=b"});
  CHECK(made->spec.env_names == Words{"PATH", "GPUJOB_RUNTIME_DIR"});
  CHECK(made->spec.env_set.size() == 2);
}

TEST_CASE("a notify socket that no job gave us is passed on") {
  CHECK(without_job_variables({"NOTIFY_SOCKET=/z", "A=1"}) == Words{"NOTIFY_SOCKET=/z", "A=1"});
}

TEST_CASE("a program that cannot be started is refused before anything is") {
  const test::TempDir dir;
  CHECK(refusal(command({"nosuch"})) == Errc::refused);
  CHECK(refusal(command({"sh"}), {"PATH=/nowhere"}) == Errc::refused);
  CHECK(refusal(command({dir.path()})) == Errc::refused);
  CHECK(refusal(command({"/etc/passwd"})) == Errc::refused);
  CHECK(refusal(command({"sh"}), k_env, "") == Errc::refused);
  CHECK(refusal(command({"sh"}), k_env, dir / "gone") == Errc::refused);
  CHECK(refusal(command({})) == Errc::usage);
  CHECK(refusal(command({""})) == Errc::usage);
}

TEST_CASE("a program is looked for as the job will look for it") {
  const test::TempDir dir;
  REQUIRE(::symlink("/bin/sh", (dir / "tool").c_str()) == 0);
  CHECK(make_run_request(command({"./tool"}), k_env, dir.path()));
  CHECK(make_run_request(command({"tool"}), {"PATH=/nowhere::/x"}, dir.path()));
  auto o = command({"tool"});
  CHECK_FALSE(make_run_request(o, k_env, dir.path()));
  o.env = {"PATH=" + dir.path()};
  CHECK(make_run_request(o, k_env, "/"));
}

TEST_CASE("numbers and words out of range are usage errors") {
  const auto wrong = [](auto change) {
    auto o = command({"sh"});
    change(o);
    return refusal(o) == Errc::usage;
  };
  CHECK(wrong([](RunOptions& o) { o.name = "a/b"; }));
  CHECK(wrong([](RunOptions& o) { o.name = ""; }));
  CHECK(wrong([](RunOptions& o) { o.env = {"GPUJOB_RESUME=/x"}; }));
  CHECK(wrong([](RunOptions& o) { o.env = {"NOTIFY_SOCKET=/x"}; }));

  CHECK(wrong([](RunOptions& o) { o.lead = "soon"; }));
  CHECK(wrong([](RunOptions& o) { o.env = {"=x"}; }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_signal = "KILL"; }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_target = "all"; }));
  CHECK(wrong([](RunOptions& o) { o.requeue_exit = {256}; }));
  CHECK(wrong([](RunOptions& o) { o.max_interruptions = -2; }));
  CHECK(wrong([](RunOptions& o) { o.log_max = "1k"; }));
  CHECK(wrong([](RunOptions& o) { o.recipe = "pytorch"; }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_cmd = std::string(5000, 'x'); }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_copy = {"."}; }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_copy = {"model.tmp"}; }));
  CHECK(wrong([](RunOptions& o) { o.checkpoint_copy = {"a/model.h5", "b/model.h5"}; }));
}

TEST_CASE("what is copied is named from the directory of the job, without slashes behind it") {
  auto o = command({"sh"});
  o.checkpoint_copy = {"model.h5", "/x/run/"};
  o.recipe = "keras";
  const auto request = make_run_request(o, k_env, "/tmp");
  REQUIRE(request);
  CHECK(request->spec.checkpoint_copy == Words{"/tmp/model.h5", "/x/run"});
  CHECK(request->spec.recipe == "keras");
}

TEST_CASE("sizes are read with and without units") {
  CHECK(parse_size("65536", "x").value() == 65536);
  CHECK(parse_size("500M", "x").value() == 500'000'000);
  CHECK(parse_size("1.5GB", "x").value() == 1'500'000'000);
  CHECK(parse_size("1GiB", "x").value() == 1 << 30);
  CHECK(parse_size("2k", "x").value() == parse_size("2K", "x").value());
  for (const auto* text : {"", "G", "-1", "1X", "1iB", "1kM", "1 G", "nan", "1e99", "5Q"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text, "x"));
  }
}

TEST_CASE("a spec of any command line fits into a frame") {
  for (const auto& word : {std::string(100, 'x'), std::string(100, '\x01'),
                           std::string(100, '\xff'), std::string(3'000'000, 'y')}) {
    JobSpec spec;
    spec.argv = Words(word.size() > 1000 ? 1 : 20000, word);
    spec.env_names = Words(5000, "A_LONG_NAME_OF_A_VARIABLE");
    fit_into_frame(spec);
    CHECK(json::dump(to_json(spec)).size() < k_max_frame * 3 / 4);
    CHECK(spec.argv.back() == "…");
  }
}

TEST_CASE("a spec of ordinary size is left whole") {
  JobSpec spec;
  spec.argv = {"python", "train.py"};
  const auto before = spec;
  fit_into_frame(spec);
  CHECK(spec == before);
}

TEST_CASE("GPUs are asked for as the user wrote it") {
  auto o = command({"sh"});
  auto request = make_run_request(o, k_env, "/");
  REQUIRE(request);
  CHECK(request->spec.gpus.empty());
  CHECK(request->spec.idle_gpu == std::chrono::minutes{30});
  o.gpus = "0,GPU-5f1c";
  o.gpu_memory = "8G";
  o.idle_gpu = "off";
  o.idle_gpu_stop = "90m";
  request = make_run_request(o, k_env, "/");
  REQUIRE(request);
  CHECK(request->spec.gpus == "0,GPU-5f1c");
  CHECK(request->spec.gpu_memory == 8'000'000'000);
  CHECK(request->spec.idle_gpu == Duration::zero());
  CHECK(request->spec.idle_gpu_stop == std::chrono::minutes{90});
  o.gpu_memory.clear();
  o.gpus = "0";
  CHECK(make_run_request(o, k_env, "/")->spec.gpus == "none");
}

TEST_CASE("what --gpus and its kin cannot mean is a usage error that names them") {
  const auto error = [](auto change) {
    auto o = command({"sh"});
    o.gpus = "1";
    change(o);
    const auto made = make_run_request(o, k_env, "/");
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Errc::usage);
    return made.error().text;
  };
  CHECK(error([](RunOptions& o) { o.gpus = "two"; }) ==
        "run: --gpus: two: not a number of GPUs, all, none, or a list: write 2, or 0,2, or "
        "device=0, or UUIDs");
  CHECK(error([](RunOptions& o) { o.gpu_memory = "much"; }).starts_with("run: --gpu-memory: "));
  CHECK(error([](RunOptions& o) { o.gpu_memory = "0"; }).starts_with("run: --gpu-memory 0: "));
  CHECK(error([](RunOptions& o) {
          o.gpus = "none";
          o.gpu_memory = "8G";
        }) == "run: --gpu-memory 8G: needs --gpus: say how many, or which");
  CHECK(error([](RunOptions& o) { o.idle_gpu = "soon"; }).starts_with("run: --idle-gpu: "));
  CHECK(error([](RunOptions& o) { o.idle_gpu = "0"; }) ==
        "run: --idle-gpu 0: too short to tell: use 1s or more, or off");
  CHECK(error([](RunOptions& o) { o.idle_gpu_stop = "-1h"; }).starts_with("run: --idle-gpu-stop"));
}
