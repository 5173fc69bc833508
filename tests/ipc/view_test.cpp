// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"
#include "daemon/ipc/view.h"
#include "tests/ipc/wire.h"
#include "tests/schema/schema_check.h"
#include "tests/support/temp_dir.h"

using namespace gpujob;
using namespace gpujob::policy;
using namespace gpujob::test;

namespace {

constexpr Now k_now{boot_from_ns(5'000'000'000), wall_from_ns(1'790'000'000'000'000'000)};

Job job_in(JobState state) {
  Job job;
  job.id = "abcd1234";
  job.spec.name = "digits";
  job.spec.argv = {"train", "\xff\x1b[2J"};
  job.spec.cwd = "/w";
  job.attempt = 1;
  job.state = std::move(state);
  Checkpoint c;
  c.seq = 1;
  c.attempt = 1;
  c.path = "/c/m.pt";
  c.how = "notify";
  c.state = CheckpointState::verified;
  c.step = 7;
  Checkpoint none;
  none.seq = 2;
  none.attempt = 1;
  none.how = "none";
  none.state = CheckpointState::unconfirmed;
  none.note = "no answer";
  job.checkpoints = {c, none};
  return job;
}

Running busy() {
  Running r;
  r.pid = 17;
  r.plan_given = Plan{
      1,    EndReason::session_limit, boot_from_ns(1), boot_from_ns(2), boot_from_ns(3), {}, {},
      false};
  r.progress = Progress{0.5, true, std::chrono::hours{2}, "14it/s", k_now.boot, k_now.boot, 0};
  r.status = "epoch 1\n";
  r.catches = "USR1";
  return r;
}

} // namespace

TEST_CASE("the views of a job in every state meet their schemas") {
  const auto full = protocol_schema("job_view");
  const auto line = protocol_schema("job_short");
  Ending ending;
  ending.record.emplace();
  ending.record->signal = 15;
  const JobState states[] = {Queued{"waits"},
                             Held{"why"},
                             Starting{},
                             Running{},
                             busy(),
                             Ending{},
                             ending,
                             Ended{EndState::parked, "limit", {}, 15, true},
                             Ended{EndState::done, "ok", 0, {}, false},
                             Ended{EndState::failed, "bad", 1, {}, false},
                             Ended{EndState::stopped, "user", {}, {}, false},
                             Ended{EndState::lost, "gone", {}, {}, false}};
  for (const auto& state : states) {
    const auto job = job_in(state);
    INFO(state_text(job));
    CHECK(why_invalid(full, ipc::job_view({}, job, StatePaths{"/s"}, k_now)) == "");
    CHECK(why_invalid(line, ipc::short_view({}, job, k_now)) == "");
  }
}

TEST_CASE("how far a copy is shows while its helper runs, and only of that checkpoint") {
  const TempDir dir;
  Wire wire;
  wire.hello();
  wire.backend.paths.dir = dir.path();
  const auto& paths = wire.backend.paths;
  auto& job = wire.backend.w.jobs["abcd1234"] = job_in(busy());
  job.checkpoints[1].state = CheckpointState::securing;
  REQUIRE(make_directories(paths.job_dir(job.id)));
  std::optional<Fd> lock{lock_file(paths.helper_lock(job.id)).value()};
  const auto say = [&](const std::string& text) {
    REQUIRE(atomic_publish(paths.storing(job.id), text));
  };
  const auto shown = [&](int i) {
    const auto view = wire.call("show", {{"job", job.id}})["result"];
    CHECK(why_invalid(protocol_schema("job_view"), view) == "");
    return view["checkpoints"][i];
  };
  const std::string good = R"({"seq":2,"done_bytes":600,"total_bytes":1000,"seconds":2.0})";
  say(good);
  CHECK(shown(1)["stored_bytes"] == 600);
  CHECK(shown(1)["total_bytes"] == 1000);
  CHECK(shown(1)["stored_per_s"] == 300.0);
  CHECK(shown(0)["stored_bytes"].is_null());
  SECTION("too early to say how fast") {
    say(R"({"seq":2,"done_bytes":600,"total_bytes":1000,"seconds":0.5})");
    CHECK(shown(1)["stored_bytes"] == 600);
    CHECK(shown(1)["stored_per_s"].is_null());
  }
  SECTION("a confirmed one that is copied again") {
    job.checkpoints[1].state = CheckpointState::verified;
    job.checkpoints[1].copying = true;
    CHECK(shown(1)["stored_bytes"] == 600);
  }
  SECTION("over") {
    job.checkpoints[1].state = CheckpointState::heard;
    CHECK(shown(1)["stored_bytes"].is_null());
  }
  SECTION("of another checkpoint, or damaged") {
    for (const auto* text : {R"({"seq":1,"done_bytes":600,"total_bytes":1000,"seconds":2.0})",
                             R"({"seq":2,"done_bytes":1001,"total_bytes":1000,"seconds":2.0})",
                             R"({"seq":2,"done_bytes":-1,"total_bytes":1000,"seconds":2.0})",
                             R"({"seq":2,"done_bytes":0,"total_bytes":0,"seconds":2.0})",
                             R"({"seq":2,"done_bytes":"600","total_bytes":1000,"seconds":2.0})",
                             R"({"seq":2,"done_bytes":600,)", "[]", ""}) {
      INFO(text);
      say(text);
      CHECK(shown(1)["stored_bytes"].is_null());
      CHECK(shown(1)["total_bytes"].is_null());
      CHECK(shown(1)["stored_per_s"].is_null());
    }
  }
  SECTION("its helper was killed") {
    lock.reset();
    CHECK(shown(1)["stored_bytes"].is_null());
  }
}

TEST_CASE("a view fits a frame whatever the job is called and says") {
  auto job = job_in(busy());
  job.spec.argv.assign(100000, std::string(30, '\x01'));
  job.spec.cwd = std::string(100000, 'x');
  std::get<Running>(job.state).status = std::string(60000, '\xff');
  job.resume_from = std::string(100000, '\n');
  job.checkpoints.assign(50, job.checkpoints[0]);
  CHECK(ipc::job_view({}, job, StatePaths{"/s"}, k_now).dump().size() < k_max_frame);
}

TEST_CASE("a view fits a frame whatever paths the checkpoints have, and keeps the newest") {
  for (const auto* letter : {"x", "\xff", "\\", "\xe2\x82\xac", "\x01"}) {
    std::string path = "/";
    while (path.size() < 4000) {
      path += letter;
    }
    auto job = job_in(Held{path});
    auto& c = job.checkpoints[0];
    c.path = c.durable_path = c.note = c.how = path;
    job.checkpoints.assign(50, c);
    for (int i = 0; i < 50; ++i) {
      job.checkpoints[static_cast<std::size_t>(i)].seq = i;
    }
    job.spec.argv = {path, path};
    job.spec.cwd = job.resume_from = path;
    const auto view = ipc::job_view({}, job, StatePaths{path}, k_now);
    INFO(letter);
    CHECK(view.dump().size() < k_max_frame);
    CHECK(view["checkpoints"].back()["seq"] == 49);
    CHECK(view["checkpoints"].front()["seq"] == 50 - static_cast<int>(view["checkpoints"].size()));
    CHECK(ipc::short_view({}, job, k_now).dump().size() < 1500);
  }
}

TEST_CASE("a text is cut between two characters") {
  auto job = job_in(Held{"1" + std::string(300, 'x')});
  job.spec.cwd = "/";
  while (job.spec.cwd.size() < 3000) {
    job.spec.cwd += "\xe2\x82\xac";
  }
  const auto cwd = ipc::job_view({}, job, StatePaths{"/s"}, k_now)["cwd"].get<std::string>();
  CHECK(cwd.ends_with("\xe2\x82\xac…"));
  CHECK(cwd.size() <= 2048 + 3);
  CHECK(ipc::short_view({}, job, k_now)["reason"].get<std::string>().size() == 200 + 3);
}

TEST_CASE("a job cannot drive the terminal of whoever looks at it") {
  const auto text = ipc::job_view({}, job_in(busy()), StatePaths{"/s"}, k_now).dump();
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\\u001b") == std::string::npos);
}

TEST_CASE("a view names the GPUs of a job at work, and what a queued one waits for") {
  World w;
  w.gpus.looked = true;
  w.gpus.why.clear();
  Gpu gpu;
  gpu.uuid = "GPU-a";
  gpu.index = 1;
  w.gpus.list = {gpu};
  auto runs = job_in(busy());
  runs.spec.name = "vit";
  runs.spec.gpus = "1";
  runs.gpus = {{"GPU-a", "nvidia"}, {"GPU-gone", "nvidia"}};
  auto waits = job_in(Queued{"waits for a slot"});
  waits.id = "b2345678";
  waits.spec.gpus = "1";
  w.jobs[runs.id] = runs;
  w.jobs[waits.id] = waits;
  w.active = {runs.id};
  const auto view = ipc::job_view(w, runs, StatePaths{"/s"}, k_now);
  CHECK(why_invalid(protocol_schema("job_view"), view) == "");
  CHECK(view["gpus"] == nlohmann::json{"GPU-a", "GPU-gone"});
  CHECK(view["gpu_names"] == nlohmann::json{"GPU 1", "GPU GPU-gone"});
  const auto line = ipc::short_view(w, waits, k_now);
  CHECK(why_invalid(protocol_schema("job_short"), line) == "");
  CHECK(line["gpus"] == nlohmann::json::array());
  CHECK(line["reason"] == "waits for 1 GPU: GPU 1 is used by job vit");
  runs.state = Ended{EndState::done, "ok", 0, {}, false};
  CHECK(ipc::job_view(w, runs, StatePaths{"/s"}, k_now)["gpus"] == nlohmann::json::array());
  for (int i = 0; i < 500; ++i) {
    runs.gpus.push_back({"GPU-" + std::string(90, '\x01'), "nvidia"});
  }
  runs.state = busy();
  CHECK(ipc::short_view(w, runs, k_now).dump().size() < 4000);
}
