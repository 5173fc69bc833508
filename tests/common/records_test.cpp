// SPDX-License-Identifier: Apache-2.0
#include "common/exit_record.h"
#include "common/job_spec.h"
#include "common/journal.h"
#include "common/json.h"
#include "common/launch.h"
#include "common/plan.h"
#include "tests/support/catch.h"

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

using namespace gpujob;

namespace {

using Change = std::function<void(nlohmann::json&)>;

/// 64 bits hold it, and nothing can be added to it.
constexpr std::int64_t k_huge = std::numeric_limits<std::int64_t>::max();

/// The text with one thing changed.
std::string changed(const std::string& text, const Change& change) {
  auto j = json::parse(text, "test").value();
  change(j);
  return json::dump(j);
}

Plan sample_plan() {
  Plan p;
  p.number = 3;
  p.reason = EndReason::stop;
  p.request_at = boot_from_ns(5);
  p.hard_end = boot_from_ns(9000000000);
  p.grace = std::chrono::seconds{90};
  p.kill_grace = std::chrono::seconds{10};
  p.saved = true;
  return p;
}

JobSpec sample_spec() {
  JobSpec s;
  s.name = "vit";
  s.argv = {"python", "train.py", "\xff"};
  s.cwd = "/work";
  s.env_set = {{"A", "1=2"}, {"B", ""}};
  s.env_names = {"PATH"};
  s.lead = std::chrono::minutes{5};
  s.checkpoint_signal = "USR1";
  s.checkpoint_path = {"/out/*.pt"};
  s.checkpoint_exit = {85};
  s.checkpoint_cmd = "kill -USR1 \xff";
  s.checkpoint_copy = {"/work/model.h5"};
  s.recipe = "keras";
  s.wandb = true;
  s.requeue_exit = {1, 2};
  s.no_requeue_exit = {3};
  s.resume_arg = "--resume={}";
  s.done_when = "/out/done";
  s.max_failures = 2;
  s.gpus = "0,GPU-5f1c";
  s.gpu_memory = 8'000'000'000;
  s.idle_gpu = Duration::zero();
  s.idle_gpu_stop = std::chrono::hours{1};
  s.keep_tree = true;
  return s;
}

} // namespace

TEST_CASE("a plan comes back, and a broken one is refused", "[plan]") {
  const auto j = to_json(sample_plan());
  CHECK(plan_from_json(j).value() == sample_plan());
  CHECK(plan_from_json(to_json(Plan{})).value() == Plan{});
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"reason", "whim"},
                                                           {"grace_ns", -1},
                                                           {"grace_ns", 1.5},
                                                           {"request_at_ns", "soon"},
                                                           {"number", nullptr},
                                                           {"saved", 1},
                                                           {"request_at_ns", k_huge},
                                                           {"term_at_ns", -k_huge},
                                                           {"hard_end_ns", k_huge},
                                                           {"grace_ns", k_huge},
                                                           {"kill_grace_ns", -1}}) {
    auto bad = j;
    bad[key] = value;
    INFO(bad.dump());
    CHECK_FALSE(plan_from_json(bad));
  }
  auto other = sample_plan();
  other.number = 4;
  CHECK(same_course(sample_plan(), other));
  other.saved = false;
  CHECK_FALSE(same_course(sample_plan(), other));
}

TEST_CASE("a start record comes back", "[exit_record]") {
  const StartRecord r{"ab12", 2, "boot-1", 17, 1234567890123, 18, 99, wall_from_ns(1700000000)};
  CHECK(decode_start_record(encode(r)).value() == r);
  for (const auto& change : std::vector<Change>{
           [](auto& j) { j["v"] = 2; }, [](auto& j) { j.erase("v"); },
           [](auto& j) { j["attempt"] = -1; }, [](auto& j) { j["shim_pid"] = 1LL << 40; },
           [](auto& j) { j.erase("job_id"); }, [](auto& j) { j["at_ns"] = "now"; },
           [](auto& j) { j["at_ns"] = k_huge; }, [](auto& j) { j["child_start_ticks"] = -1; },
           [](auto& j) { j["shim_start_ticks"] = -1; }}) {
    CHECK_FALSE(decode_start_record(changed(encode(r), change)));
  }
  CHECK_FALSE(decode_start_record(""));
  CHECK_FALSE(decode_start_record(encode(r).substr(0, 30)));
}

TEST_CASE("an exit record comes back", "[exit_record]") {
  ExitRecord r;
  r.job_id = "ab12";
  r.attempt = 2;
  r.boot_id = "boot-1";
  r.signal = 9;
  r.term_sent = EndReason::session_limit;
  r.kill_sent = EndReason::stop;
  r.final_requested = r.done_mark = true;
  r.oom_kills = 1;
  r.last_journal_seq = 40;
  r.boot_at = boot_from_ns(77);
  r.at = wall_from_ns(78);
  r.user_s = 1.25;
  r.max_rss_kb = 4096;
  CHECK(decode_exit_record(encode(r)).value() == r);
  r.signal.reset();
  for (int code = 0; code < 256; ++code) {
    r.code = code;
    REQUIRE(decode_exit_record(encode(r)).value() == r);
  }
  r.exec_error = "no such file";
  CHECK(decode_exit_record(encode(r)).value() == r);
}

TEST_CASE("an exit record says exactly one thing", "[exit_record]") {
  ExitRecord r;
  r.job_id = "ab12";
  CHECK_FALSE(decode_exit_record(encode(r)));
  r.code = 0;
  r.signal = 9;
  CHECK_FALSE(decode_exit_record(encode(r)));
  r.signal.reset();
  REQUIRE(decode_exit_record(encode(r)));
  for (const auto& change : std::vector<Change>{
           [](auto& j) { j["code"] = 256; }, [](auto& j) { j["code"] = -1; },
           [](auto& j) { j["code"] = 1.5; }, [](auto& j) { j["v"] = 9; },
           [](auto& j) { j["term_sent"] = "whim"; }, [](auto& j) { j["oom_kills"] = "1"; },
           [](auto& j) { j["at_ns"] = k_huge; }, [](auto& j) { j["boot_ns"] = -k_huge; },
           [](auto& j) { j.erase("last_journal_seq"); }}) {
    CHECK_FALSE(decode_exit_record(changed(encode(r), change)));
  }
}

TEST_CASE("every kind of journal record comes back as the same line", "[journal]") {
  using namespace journal;
  const std::vector<Body> bodies{Started{17},
                                 Ready{},
                                 Status{"epoch 3"},
                                 Progress{0.5},
                                 Catches{"USR1", 17},
                                 Requested{4, true, "USR2", {17, 18}},
                                 Checkpoint{"notify", "/out/\xff", 1200},
                                 Checkpoint{"stdout", "", std::nullopt},
                                 Checkpoint{"copy", "/c/copy-1-1", std::nullopt},
                                 RouteFailed{"command", "exit 3"},
                                 Recipe{"megatron", "--exit-signal-handler", true},
                                 DoneMark{},
                                 Stopping{},
                                 Extended{boot_from_ns(99)},
                                 TermSent{EndReason::stop},
                                 KillSent{EndReason::session_limit},
                                 LeaderExited{3, std::nullopt},
                                 LeaderExited{std::nullopt, 9}};
  std::int64_t seq = 0;
  for (const auto& body : bodies) {
    const Record r{++seq, boot_from_ns(5), wall_from_ns(6), body};
    const auto line = encode(r);
    INFO(line);
    REQUIRE(line.find('\n') == line.size() - 1);
    const auto back = decode(line);
    REQUIRE(back);
    CHECK(back->body.index() == body.index());
    CHECK(back->seq == seq);
    CHECK(encode(*back) == line);
  }
}

TEST_CASE("a journal line that is torn or strange is refused", "[journal]") {
  const auto line = journal::encode({1, {}, {}, journal::Catches{"USR1", 17}});
  for (std::size_t n = 0; n + 2 < line.size(); ++n) {
    REQUIRE_FALSE(journal::decode(line.substr(0, n)));
  }
  for (const auto& change :
       std::vector<Change>{[](auto& j) { j["kind"] = "novel"; }, [](auto& j) { j["pid"] = "17"; },
                           [](auto& j) { j["pid"] = 1LL << 40; }, [](auto& j) { j.erase("seq"); },
                           [](auto& j) { j["boot_ns"] = k_huge; },
                           [](auto& j) { j["wall_ns"] = -1; }, [](auto& j) { j["signal"] = 10; }}) {
    CHECK_FALSE(journal::decode(changed(line, change)));
  }
  const auto requested = journal::encode({1, {}, {}, journal::Requested{1, false, "", {}}});
  for (const auto number : {k_huge, std::int64_t{-1}}) {
    CHECK_FALSE(journal::decode(changed(requested, [&](auto& j) { j["request"] = number; })));
  }
  const auto extended = journal::encode({1, {}, {}, journal::Extended{}});
  CHECK_FALSE(journal::decode(changed(extended, [](auto& j) { j["term_at_ns"] = k_huge; })));
}

TEST_CASE("a launch comes back as the same text", "[launch]") {
  Launch l;
  l.job_id = "ab12";
  l.job_name = "vit";
  l.attempt = 2;
  l.argv_append = {"--resume=/x"};
  l.env_set = {{"A", "1=2"}, {"B", ""}};
  l.env_default = {{"PYTHONUNBUFFERED", "1"}};
  l.link_socket = "/run/x/link.sock";
  l.notify_socket = "/run/x/notify.sock";
  l.checkpoint_cmd = "save \xff";
  l.checkpoint_copy = {"/work/model.h5"};
  l.recipe = "keras";
  l.checkpoint_dir = "/s/ckpt";
  l.resume_from = "/s/ckpt/copy-1-2";
  l.longest_save = std::chrono::seconds{40};
  l.done_when = "/out/\xff";
  l.log_max_bytes = 1 << 20;
  l.keep_tree = true;
  l.plan = sample_plan();
  l.revive = Revive{"/bin/gpujobd", {"--revive"}, "/run/lock", "/run/stopped"};
  l.gpus = {{"nvidia", "GPU-5f1c"}, {"amd", "GPU-0123"}};
  l.spec = sample_spec();
  const auto text = encode(l);
  const auto back = decode_launch(text);
  REQUIRE(back);
  CHECK(encode(*back) == text);
  CHECK(back->env_set == l.env_set);
  CHECK(back->plan == l.plan);
  CHECK(back->revive->exe == "/bin/gpujobd");
  CHECK(back->spec == l.spec);
  CHECK(back->checkpoint_copy == l.checkpoint_copy);
  CHECK(back->gpus == l.gpus);
  CHECK(decode_launch(changed(text, [](auto& j) { j.erase("checkpoint_cmd"); })));

  for (const auto& change : std::vector<Change>{
           [](auto& j) { j["v"] = 2; }, [](auto& j) { j.erase("plan"); },
           [](auto& j) { j["plan"]["reason"] = "whim"; }, [](auto& j) { j["env_set"] = {"A"}; },
           [](auto& j) { j["env_set"] = {"=x"}; }, [](auto& j) { j["revive"].erase("lock"); },
           [](auto& j) { j["keep_tree"] = "yes"; }, [](auto& j) { j["argv_append"] = "x"; },
           [](auto& j) { j["attempt"] = 1LL << 40; }, [](auto& j) { j["gpus"] = {1}; }}) {
    CHECK_FALSE(decode_launch(changed(text, change)));
  }
}

TEST_CASE("a job spec comes back, unknown keys and all", "[job_spec]") {
  auto j = to_json(sample_spec());
  CHECK(job_spec_from_json(j).value() == sample_spec());
  j["from_a_newer_version"] = 1;
  CHECK(job_spec_from_json(j).value() == sample_spec());
}

TEST_CASE("a job spec of before there were GPUs in it leaves them alone, and warns", "[job_spec]") {
  auto j = to_json(sample_spec());
  for (const auto* key : {"gpus", "gpu_memory", "idle_gpu_ns", "idle_gpu_stop_ns"}) {
    j.erase(key);
  }
  const auto s = job_spec_from_json(j);
  REQUIRE(s);
  CHECK(s->gpus.empty());
  CHECK_FALSE(s->gpu_memory);
  CHECK(s->idle_gpu == std::chrono::minutes{30});
  CHECK(s->idle_gpu_stop == Duration::zero());
  j["gpus"] = "0";
  CHECK(job_spec_from_json(j)->gpus == "none");
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, nlohmann::json>>{{"gpus", "two"},
                                                           {"gpus", 2},
                                                           {"gpu_memory", 0},
                                                           {"gpu_memory", "8G"},
                                                           {"idle_gpu_ns", -1},
                                                           {"idle_gpu_stop_ns", "1h"}}) {
    auto bad = j;
    bad[key] = value;
    INFO(key << " " << value);
    CHECK_FALSE(job_spec_from_json(bad));
  }
}

TEST_CASE("a job spec of wrong types is refused", "[job_spec]") {
  const auto text = json::dump(to_json(sample_spec()));
  for (const auto& change : std::vector<Change>{
           [](auto& j) { j["name"] = "a/b"; }, [](auto& j) { j["name"] = 5; },
           [](auto& j) { j["argv"] = nlohmann::json::array(); }, [](auto& j) { j["argv"] = "x"; },
           [](auto& j) { j["env_set"] = {{"A"}}; }, [](auto& j) { j["env_set"] = "A=1"; },
           [](auto& j) { j["lead_ns"] = -1; }, [](auto& j) { j["max_failures"] = 1.5; },
           [](auto& j) { j["lead_ns"] = k_huge; },
           [](auto& j) { j["checkpoint_exit"] = {1LL << 40}; }, [](auto& j) { j["keep_tree"] = 1; },
           [](auto& j) { j.erase("cwd"); }}) {
    const auto bad = json::parse(changed(text, change), "test").value();
    INFO(bad.dump());
    CHECK_FALSE(job_spec_from_json(bad));
  }
}
