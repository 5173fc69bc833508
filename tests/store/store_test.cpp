// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/store.h"

#include "common/file.h"
#include "daemon/store/history_codec.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <nlohmann/json.hpp>
#include <sqlite3.h>

using namespace gpujob;
using namespace std::chrono_literals;
using namespace gpujob::policy;
using gpujob::store::Outlives;
using gpujob::store::Store;
using gpujob::test::TempDir;

namespace {

/// A job with everything set that a row can hold.
Job full_job(const JobId& id, JobState state) {
  Job job;
  job.id = id;
  job.order = 7;
  job.spec.name = "n-" + id;
  job.spec.argv = {"train", std::string("a\xff\0b", 4)};
  job.spec.cwd = "/w";
  job.spec.env_names = {"SECRET"};
  job.spec.lead = Duration{5};
  job.created = wall_from_ns(11);
  job.attempt = 3;
  job.state = std::move(state);
  job.budgets = {1, 2, 3};
  job.resume_from = "/c/x\xff";
  job.started = wall_from_ns(12);
  job.journal_seq = 9;
  job.baseline = {"s1", "s2"};
  job.stop_asked = boot_from_ns(13);
  job.stop_now = true;
  job.stop_why = "its GPU was idle";
  job.gpus = {{"GPU-a", "nvidia"}, {"GPU-b", "amd"}};
  job.request_wanted = 2;
  job.request_sent = 1;
  job.request_heard = 1;
  job.imported = true;
  job.removed = true;
  job.history.saves = {{1.5, 20, 3e9, 0.5, 4, "nfs4, stored"}, {2, 0, 0}, {1, 2, 3, {}, {}, "x"}};
  job.history.first = std::chrono::seconds{99};
  job.begin_record = Work::issued;
  job.end_record = Work::wanted;
  job.rejected = {"/c/y: truncated"};
  Checkpoint c;
  c.seq = 4;
  c.attempt = 2;
  c.state = CheckpointState::verified;
  c.path = "/c/m\xff.pt";
  c.signature = "sig";
  c.step = 120;
  c.how = "notify";
  c.at = wall_from_ns(14);
  c.bytes = 44;
  c.manifest = "/m";
  c.durable_level = "stored";
  c.durable_path = "/d/1";
  c.note = "n";
  job.checkpoints = {c, c};
  job.checkpoints[1].seq = 5;
  job.checkpoints[1].step.reset();
  job.checkpoints[1].state = CheckpointState::rejected;
  return job;
}

std::vector<JobState> all_states() {
  Running running;
  running.since = boot_from_ns(21);
  running.pid = 22;
  running.plan_given = Plan{3,  EndReason::stop, boot_from_ns(1), boot_from_ns(2),
                            {}, Duration{4},     Duration{5},     true};
  running.request = Request{1, true, boot_from_ns(6), "USR1", 4, boot_from_ns(7)};
  running.status = "epoch 3";
  running.progress = Progress{
      0.25, true, 90min, "", boot_from_ns(9'000'000'000), boot_from_ns(8'000'000'000), 0.125};
  running.catches = "USR2";
  running.told_no_catch = true;
  running.ending = true;
  Ending ending;
  ending.same_boot = false;
  ending.limit = "the gpu quota";
  ending.record.emplace();
  ending.record->job_id = "j";
  ending.record->code = 85;
  return {Queued{"waits"},
          Held{"why"},
          Starting{Work::none, Work::issued, Plan{}},
          running,
          ending,
          Ending{},
          Ended{EndState::parked, "limit", {}, 15, true},
          Ended{EndState::done, "ok", 0, {}, false},
          Ended{EndState::failed, "bad", 1, {}, false},
          Ended{EndState::stopped, "user", {}, {}, false},
          Ended{EndState::lost, "gone", {}, {}, false}};
}

std::unique_ptr<Store> open_store(const std::string& path) {
  auto opened = Store::open(path, "vm1");
  REQUIRE(opened);
  return std::move(*opened);
}

void execute(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

} // namespace

TEST_CASE("a job in every state comes back as it was") {
  TempDir dir;
  World w;
  int n = 0;
  for (auto& state : all_states()) {
    const auto id = "j" + std::to_string(n++);
    w.jobs[id] = full_job(id, state);
    w.jobs[id].order = n;
    w.dirty.insert(id);
  }
  REQUIRE(open_store(dir / "db")->commit(w, w.dirty));
  auto again = open_store(dir / "db");
  const auto jobs = again->load_jobs();
  REQUIRE(jobs);
  REQUIRE(jobs->size() == w.jobs.size());
  World loaded;
  for (const auto& [job, vm] : *jobs) {
    CHECK(vm == "vm1");
    const auto& before = w.jobs.at(job.id);
    CHECK(state_text(job) == state_text(before));
    CHECK(job.spec == before.spec);
    CHECK(job.checkpoints == before.checkpoints);
    CHECK(job.budgets == before.budgets);
    CHECK(job.resume_from == before.resume_from);
    CHECK(job.baseline == before.baseline);
    CHECK(job.gpus == before.gpus);
    CHECK(job.stop_why == before.stop_why);
    CHECK(job.started == before.started);
    CHECK(job.ended == before.ended);
    CHECK(job.journal_seq == before.journal_seq);
    CHECK(job.history.saves == before.history.saves);
    CHECK(job.history.first == before.history.first);
    CHECK(job.begin_record == before.begin_record);
    loaded.jobs[job.id] = job;
  }
  // What was written again from what was read is the same database, column by column.
  TempDir other;
  REQUIRE(open_store(other / "db")->commit(loaded, w.dirty));
  const auto twice = open_store(other / "db")->load_jobs();
  REQUIRE(twice);
  const auto& running = std::get<Running>((*twice)[3].job.state);
  CHECK(running.request == std::get<Running>(w.jobs.at("j3").state).request);
  CHECK(running.plan_given == std::get<Running>(w.jobs.at("j3").state).plan_given);
  const auto& ending = std::get<Ending>((*twice)[4].job.state);
  CHECK(ending.record == std::get<Ending>(w.jobs.at("j4").state).record);
  CHECK(ending.limit == "the gpu quota");
}

TEST_CASE(
    "a commit that must outlive the machine syncs those before it, though it writes nothing") {
  TempDir dir, copy;
  World w;
  w.jobs["j1"] = full_job("j1", Queued{"waits"});
  auto store = open_store(dir / "db");
  REQUIRE(store->commit(w, {"j1"}, Outlives::daemon));
  // What is not in the file itself is in the log, which only a sync makes last.
  const auto jobs_without_log = [&] {
    std::filesystem::copy_file(dir / "db", copy / "db",
                               std::filesystem::copy_options::overwrite_existing);
    return open_store(copy / "db")->load_jobs()->size();
  };
  REQUIRE(jobs_without_log() == 0);
  REQUIRE(store->commit(w, {}, Outlives::daemon));
  CHECK(jobs_without_log() == 0);
  REQUIRE(store->commit(w, {}, Outlives::power_cut));
  CHECK(jobs_without_log() == 1);
}

TEST_CASE("a removed job is deleted with its checkpoints") {
  TempDir dir;
  World w;
  w.jobs["j1"] = full_job("j1", Queued{"waits"});
  auto store = open_store(dir / "db");
  REQUIRE(store->commit(w, {"j1"}));
  w.jobs.erase("j1");
  REQUIRE(store->commit(w, {"j1"}));
  CHECK(store->load_jobs()->empty());
  w.jobs["j1"] = full_job("j1", Queued{"waits"});
  REQUIRE(store->commit(w, {"j1"})); // no left-over checkpoint row is in the way
}

TEST_CASE("a newer database is refused and not touched") {
  TempDir dir;
  open_store(dir / "db").reset();
  execute(dir / "db", "PRAGMA journal_mode=DELETE; PRAGMA user_version=9999");
  const auto before = read_file(dir / "db", 1U << 24U);
  const auto opened = Store::open(dir / "db", "vm1");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::refused);
  CHECK(opened.error().text.find("written by a newer gpujob") != std::string::npos);
  CHECK(*read_file(dir / "db", 1U << 24U) == *before);
}

TEST_CASE("a file that is no database is an error that names it") {
  TempDir dir;
  REQUIRE(atomic_replace(dir / "db", std::string(4096, 'x')));
  const auto opened = Store::open(dir / "db", "vm1");
  REQUIRE_FALSE(opened);
  CHECK(*read_file(dir / "db", 1U << 24U) == std::string(4096, 'x'));
}

TEST_CASE("a row that does not read is an error naming the job, not a guess") {
  TempDir dir;
  World w;
  w.jobs["j1"] = full_job("j1", Queued{"waits"});
  REQUIRE(open_store(dir / "db")->commit(w, {"j1"}));
  execute(dir / "db", "UPDATE jobs SET state='dreaming'");
  const auto jobs = open_store(dir / "db")->load_jobs();
  REQUIRE_FALSE(jobs);
  CHECK(jobs.error().text.find("job j1") != std::string::npos);
}

TEST_CASE("counters that cannot be counted on are cut, not taken") {
  TempDir dir;
  World w;
  w.jobs["j1"] = full_job("j1", Queued{"waits"});
  REQUIRE(open_store(dir / "db")->commit(w, {"j1"}));
  execute(
      dir / "db",
      "UPDATE jobs SET more = json_set(more, '$.request_wanted', 9223372036854775807,"
      "'$.request_heard', -1, '$.history',"
      "json('{\"first_s\":1e300,\"saves\":[[1,2],[-1,2,3],[1,1e300,3],[1,2,\"x\"],7,[4,5,6]]}'))");
  const auto jobs = open_store(dir / "db")->load_jobs();
  REQUIRE(jobs);
  const auto& job = jobs->at(0).job;
  CHECK(job.request_wanted == 1'000'000'000'000);
  CHECK(job.request_heard == 0);
  CHECK_FALSE(job.history.first);
  CHECK(job.history.saves == std::vector<saving::SaveSample>{{4, 5, 6}});
}

TEST_CASE("the newest session comes back, and saving it again changes it in place") {
  TempDir dir;
  auto store = open_store(dir / "db");
  CHECK_FALSE(store->load_session()->has_value());
  REQUIRE(store->save_session({"a", "{}"}));
  REQUIRE(store->save_session({"b", "{}"}));
  REQUIRE(store->save_session({"b", "{\"x\":1}"}));
  const auto session = store->load_session();
  REQUIRE(session->has_value());
  CHECK((*session)->id == "b");
  CHECK((*session)->settings == "{\"x\":1}");
}

TEST_CASE("saves of a program that knew no storages read as of an unknown one") {
  const auto read = [](const char* text) {
    return store::read_history(nlohmann::json::parse(text)).saves;
  };
  CHECK(read(R"({"saves":[[1,2,3]]})") == std::vector<saving::SaveSample>{{1, 2, 3}});
  // What does not fit is not believed, and costs no save.
  CHECK(read(R"({"saves":[[1,2,3]],"storages":["x"],"parts":[]})")[0].storage.empty());
  CHECK(read(R"({"saves":[[1,2,3]],"storages":["x"],"parts":[[7,-1,9]]})") ==
        std::vector<saving::SaveSample>{{1, 2, 3}});
  CHECK(read(R"({"saves":[[1,2,3]],"storages":[5],"parts":[[0,"a",1.5]]})") ==
        std::vector<saving::SaveSample>{{1, 2, 3, {}, 1.5, ""}});
  const auto longer = R"({"saves":[[1,2,3]],"parts":[[0,null,null]],"storages":[")" +
                      std::string(127, 'x') + "\u00e9\"]}";
  CHECK(read(longer.c_str())[0].storage.empty());
  CHECK(read(R"({"saves":[[1,2,3]],"storages":["x"],"parts":[[0,0.5,null]]})") ==
        std::vector<saving::SaveSample>{{1, 2, 3, 0.5, {}, "x"}});
}
