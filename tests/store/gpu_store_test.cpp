// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/gpu_store.h"

#include "daemon/store/store.h"
#include "schema/embedded.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <sqlite3.h>

using namespace gpujob;
using gpujob::store::GpuSnapshotRow;
using gpujob::store::Store;
using gpujob::test::TempDir;

namespace {

constexpr std::int64_t k_at = 1'790'000'000;

std::unique_ptr<Store> open(const TempDir& dir) {
  auto store = Store::open(dir / "db", "boot");
  REQUIRE(store);
  return std::move(*store);
}

GpuSampleOf sample(const std::string& gpu, std::int64_t at) {
  return {gpu, {at, 97, 12'345'678'901, 71, 68'123}};
}

void add_job(Store& store, const std::string& id) {
  policy::World w;
  policy::Job job;
  job.id = id;
  job.spec.name = id;
  job.spec.argv = {"true"};
  w.jobs.emplace(id, job);
  REQUIRE(store.commit(w, {id}));
}

GpuSnapshotRow snapshot(const std::string& reason, const std::string& job,
                        const std::string& document = "{}") {
  GpuSnapshotRow row;
  row.at = wall_from_ns(k_at * 1'000'000'000);
  row.reason = reason;
  row.job = job;
  row.attempt = 2;
  row.document = document;
  return row;
}

void execute(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

} // namespace

TEST_CASE("samples come back by GPU and step, oldest first, a page at a time") {
  TempDir dir;
  {
    auto store = open(dir);
    const std::vector<GpuSampleOf> samples{
        sample("b", k_at + 1), {"a", {k_at + 1, {}, {}, {}, {}}}, sample("b", k_at + 2)};
    const std::vector<GpuSampleOf> minutes{sample("b", k_at - 60)};
    REQUIRE(store->gpu().add(samples, minutes));
  }
  auto store = open(dir); // another daemon
  auto& gpu = store->gpu();
  CHECK(gpu.gpus().value() == std::vector<std::string>{"b", "a"});
  const auto found = gpu.history("b", 1, 0, 10).value();
  REQUIRE(found.size() == 2);
  CHECK(found[0] == sample("b", k_at + 1).sample);
  CHECK(gpu.history("b", 1, k_at + 1, 10).value().front().at == k_at + 2);
  CHECK(gpu.history("b", 1, 0, 1).value().size() == 1);
  CHECK(gpu.history("b", 60, 0, 10).value().size() == 1);
  CHECK_FALSE(gpu.history("a", 1, 0, 10).value().front().use_percent);
  CHECK(gpu.history("nobody", 1, 0, 10).value().empty());
}

TEST_CASE("a sample of the same second takes the place of the one before") {
  TempDir dir;
  auto store = open(dir);
  REQUIRE(store->gpu().add(std::vector{sample("a", k_at)}, {}));
  REQUIRE(store->gpu().add(std::vector<GpuSampleOf>{{"a", {k_at, 1, {}, {}, {}}}}, {}));
  const auto found = store->gpu().history("a", 1, 0, 10).value();
  REQUIRE(found.size() == 1);
  CHECK(found[0].use_percent == 1);
}

TEST_CASE("of seconds the last hour is kept, of minutes more, and what lies ahead is forgotten") {
  TempDir dir;
  auto store = open(dir);
  auto& gpu = store->gpu();
  for (std::int64_t minute = 0; minute < 120; ++minute) {
    std::vector<GpuSampleOf> samples;
    for (std::int64_t s = 0; s < 60; ++s) {
      samples.push_back(sample("a", k_at + minute * 60 + s));
    }
    REQUIRE(gpu.add(samples, std::vector{sample("a", k_at + minute * 60)}));
  }
  const auto newest = k_at + 120 * 60 - 1;
  const auto seconds = gpu.history("a", 1, 0, 100'000).value();
  // Forgotten every ten minutes.
  CHECK(seconds.front().at > newest - 3600 - 600);
  CHECK(seconds.front().at <= newest - 3600 + 1);
  CHECK(seconds.back().at == newest);
  CHECK(gpu.history("a", 60, 0, 100'000).value().size() == 120);
  REQUIRE(gpu.add(std::vector{sample("a", k_at + 5)}, {})); // the clock was set back
  CHECK(gpu.history("a", 1, k_at + 5, 100'000).value().empty());
  CHECK(gpu.history("a", 60, k_at + 5, 100'000).value().empty());
}

TEST_CASE("an hour of two GPUs at 1 Hz costs less than 2 MB, log and all") {
  TempDir dir;
  auto store = open(dir);
  const auto bytes = [&] {
    return std::filesystem::file_size(dir / "db") + std::filesystem::file_size(dir / "db-wal");
  };
  add_job(*store, "j"); // now there is a log
  const auto before = bytes();
  for (std::int64_t minute = 0; minute < 60; ++minute) {
    std::vector<GpuSampleOf> samples;
    for (std::int64_t s = 0; s < 60; ++s) {
      samples.push_back(sample("GPU-1", k_at + minute * 60 + s));
      samples.push_back(sample("GPU-2", k_at + minute * 60 + s));
    }
    REQUIRE(store->gpu().add(samples, std::vector{sample("GPU-1", k_at + minute * 60),
                                                  sample("GPU-2", k_at + minute * 60)}));
  }
  const auto grown = bytes() - before;
  INFO(grown << " bytes");
  CHECK(grown > 100'000); // it has been written
  CHECK(grown <= 2'000'000);
}

TEST_CASE("more GPUs than a machine can have are refused, and nothing of them is kept") {
  TempDir dir;
  auto store = open(dir);
  std::vector<GpuSampleOf> samples;
  for (int i = 0; i < 300; ++i) {
    samples.push_back(sample("GPU-" + std::to_string(i), k_at));
  }
  CHECK_FALSE(store->gpu().add(samples, {}));
  CHECK(store->gpu().gpus().value().empty());
  REQUIRE(store->gpu().add(std::vector{sample("GPU-299", k_at)}, {}));
  CHECK(store->gpu().gpus().value().size() == 1);
}

TEST_CASE("snapshots come back in order, of one job or of all, and go with their job") {
  TempDir dir;
  auto store = open(dir);
  add_job(*store, "j1");
  add_job(*store, "j2");
  auto& gpu = store->gpu();
  REQUIRE(gpu.add(snapshot("start", "j1", R"({"n":1})")));
  REQUIRE(gpu.add(snapshot("start", "j2")));
  REQUIRE(gpu.add(snapshot("end", "j1")));
  const auto all = gpu.snapshots({}, 0, 10).value();
  REQUIRE(all.size() == 3);
  CHECK(all[0].document == R"({"n":1})");
  CHECK(all[0].attempt == 2);
  CHECK(all[0].at == wall_from_ns(k_at * 1'000'000'000));
  CHECK(gpu.snapshots({}, all[0].id, 1).value()[0].job == "j2");
  CHECK(gpu.snapshots("j1", 0, 10).value().size() == 2);
  CHECK(gpu.snapshots("j1", 0, 10).value()[1].reason == "end");
  CHECK_FALSE(gpu.add(snapshot("start", "gone"))); // no such job
  policy::World w;
  REQUIRE(store->commit(w, {"j1"})); // removed
  CHECK(gpu.snapshots({}, 0, 10).value().size() == 1);
}

TEST_CASE("snapshots are bounded: of one kind, in all, and in bytes") {
  TempDir dir;
  auto store = open(dir);
  auto& gpu = store->gpu();
  add_job(*store, "chatty");
  REQUIRE(gpu.add(snapshot("start", "chatty")));
  for (int i = 0; i < 40; ++i) {
    REQUIRE(gpu.add(snapshot("checkpoint", "chatty", std::to_string(i))));
  }
  auto kept = gpu.snapshots("chatty", 0, 1000).value();
  REQUIRE(kept.size() == 25); // its start stays
  CHECK(kept.front().reason == "start");
  CHECK(kept.back().document == "39");
  for (int i = 0; i < 300; ++i) {
    const auto id = "j" + std::to_string(i);
    add_job(*store, id);
    REQUIRE(gpu.add(snapshot("start", id)));
  }
  CHECK(gpu.snapshots({}, 0, 1000).value().size() == 256);
  for (int i = 0; i < 60; ++i) {
    REQUIRE(gpu.add(snapshot("end", "j" + std::to_string(i), std::string(45'000, 'x'))));
  }
  kept = gpu.snapshots({}, 0, 1000).value();
  std::size_t bytes = 0;
  for (const auto& row : kept) {
    bytes += row.document.size();
  }
  CHECK(bytes <= 2U << 20U);
  CHECK(bytes > 1U << 20U);
  REQUIRE(gpu.add(snapshot("end", "j200", std::string(3U << 20U, 'x'))));
  CHECK(gpu.snapshots({}, 0, 1000).value().size() == 1); // the newest, whatever it is
}

TEST_CASE("a database of version 1 keeps its jobs and gets the GPU tables") {
  TempDir dir;
  const auto migrations = schema::migrations();
  REQUIRE(migrations.size() >= 2);
  execute(dir / "db", std::string(migrations[0].content) + "; PRAGMA user_version=1");
  { // a row as version 1 wrote it
    TempDir other;
    auto store = open(other);
    add_job(*store, "old");
    store.reset();
    execute(dir / "db",
            "ATTACH '" + (other / "db") + "' AS o; INSERT INTO jobs SELECT * FROM o.jobs");
  }
  auto store = open(dir);
  REQUIRE(store->load_jobs().value().size() == 1);
  CHECK(store->load_jobs().value()[0].job.id == "old");
  REQUIRE(store->gpu().add(std::vector{sample("a", k_at)}, {}));
  REQUIRE(store->gpu().add(snapshot("start", "old")));
  store.reset();
  store = open(dir); // not migrated twice
  CHECK(store->gpu().snapshots("old", 0, 10).value().size() == 1);
}

TEST_CASE("a migration that fails leaves the database at the version before") {
  TempDir dir;
  execute(dir / "db", std::string(schema::migrations()[0].content) +
                          "; PRAGMA user_version=1; CREATE TABLE gpu_samples (x)");
  const auto failed = Store::open(dir / "db", "boot");
  REQUIRE_FALSE(failed);
  execute(dir / "db", "DROP TABLE gpu_samples");
  auto store = open(dir);
  CHECK(store->gpu().gpus().value().empty());
}

TEST_CASE("a disk that takes nothing is an error, and nothing else is disturbed") {
  TempDir dir;
  auto store = open(dir);
  add_job(*store, "j");
  execute(dir / "db", "CREATE TRIGGER full BEFORE INSERT ON gpu_samples BEGIN "
                      "SELECT raise(ABORT, 'database or disk is full'); END");
  const auto failed = store->gpu().add(std::vector{sample("a", k_at)}, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text.find("disk is full") != std::string::npos);
  add_job(*store, "k");
  CHECK(store->load_jobs().value().size() == 2);
  execute(dir / "db", "DROP TRIGGER full");
  CHECK(store->gpu().add(std::vector{sample("a", k_at)}, {}));
}
