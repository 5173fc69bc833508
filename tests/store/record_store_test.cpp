// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/record_store.h"

#include "daemon/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace gpujob;
using namespace gpujob::policy;
using gpujob::store::Outlives;
using gpujob::store::Store;
using gpujob::test::TempDir;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Store> open_store(const std::string& path) {
  auto opened = Store::open(path, "vm1");
  REQUIRE(opened);
  return std::move(*opened);
}

WallTime at(int seconds) {
  return wall_from_ns(1'790'000'000'000'000'000) + seconds * 1s;
}

Occurrence warning(int seconds, std::string text, JobId job = "") {
  return {at(seconds),         Happened::warning, job, job.empty() ? "" : "n",
          job.empty() ? 0 : 2, std::move(text)};
}

AttemptRecord attempt(int n) {
  return {"j1", "digits", n, at(n), {}, "running", Duration::zero(), {}, {}};
}

void write(Store& store, NewRecords news, const std::string& session = "s1") {
  World w;
  w.session.id = session;
  REQUIRE(store.commit(w, {}, Outlives::daemon, news));
}

} // namespace

TEST_CASE("what happened comes back as it was, in order") {
  TempDir dir;
  auto store = open_store(dir / "db");
  const std::vector<Occurrence> told{{at(0), Happened::session_started, {}, {}, 0, "kaggle (gpu)"},
                                     {at(1), Happened::run_started, "j1", "<b>", 1, "starts"},
                                     {at(9), Happened::checkpoint, "j1", "<b>", 1, "1.2 MB"}};
  write(*store, {told, {}});
  store = open_store(dir / "db");
  const auto events = store->events({}, 0, 100);
  REQUIRE(events);
  REQUIRE(events->size() == 3);
  for (std::size_t i = 0; i < told.size(); ++i) {
    CHECK((*events)[i].what == told[i]);
    CHECK((*events)[i].session == "s1");
  }
  CHECK(store->events(at(5), 0, 100)->size() == 1);
  CHECK(store->events({}, (*events)[0].seq, 1)->front().what == told[1]);
}

TEST_CASE("an attempt has one row, with the newest word and the session it began in") {
  TempDir dir;
  auto store = open_store(dir / "db");
  auto a = attempt(1);
  write(*store, {{}, {a, attempt(2)}});
  a.ended = at(60);
  a.state = "parked";
  a.kept = 50s;
  a.lost = 9s;
  a.why_lost = "the session vanished";
  write(*store, {{}, {a}}, "s2");
  const auto rows = store->attempts({}, 0, 100);
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[0].what == a);
  CHECK((*rows)[0].session == "s1");
  // One that has ended before is of no interest; one that runs, always.
  REQUIRE(store->attempts(at(61), 0, 100)->size() == 1);
  CHECK(store->attempts(at(61), 0, 100)->front().what == attempt(2));
}

TEST_CASE("a session begins once, and ends where the last was heard of it when another begins") {
  TempDir dir;
  auto store = open_store(dir / "db");
  const Occurrence began{at(0), Happened::session_started, {}, {}, 0, "kaggle"};
  write(*store, {{began, warning(7, "memory", "j1")}, {}});
  auto again = began;
  again.at = at(1);
  again.text = "kaggle (gpu)";
  write(*store, {{again}, {}}); // a second daemon in the same session
  REQUIRE(store->events({}, 0, 100)->size() == 2);
  auto next = began;
  next.at = at(100);
  write(*store, {{next}, {}}, "s2");
  write(*store, {{next}, {}}, "s2");
  const auto events = store->events({}, 0, 100);
  REQUIRE(events->size() == 4);
  CHECK((*events)[2].what.kind == Happened::session_ended);
  CHECK((*events)[2].session == "s1");
  CHECK((*events)[2].what.at == at(7));
}

TEST_CASE("what is said again of the session by the next daemon is kept once, of a job each time") {
  TempDir dir;
  auto store = open_store(dir / "db");
  write(*store, {{warning(1, "the quota ends it"), warning(2, "memory", "j1")}, {}});
  write(*store, {{warning(3, "the quota ends it"), warning(4, "memory", "j1")}, {}});
  CHECK(store->events({}, 0, 100)->size() == 3);
}

TEST_CASE("the oldest rows go when there are too many") {
  TempDir dir;
  auto store = open_store(dir / "db");
  NewRecords news;
  for (int i = 0; i < store::k_most_events + 10; ++i) {
    news.events.push_back(warning(i, "w", "j1"));
  }
  for (int i = 1; i <= store::k_most_attempts + 10; ++i) {
    news.attempts.push_back(attempt(i));
  }
  write(*store, std::move(news));
  const auto most = static_cast<int>(store::k_most_events) * 2;
  const auto events = store->events({}, 0, most);
  REQUIRE(events->size() == store::k_most_events);
  CHECK(events->front().what.at == at(10));
  CHECK(store->attempts({}, 0, most)->size() == store::k_most_attempts);
}

TEST_CASE("what happened and the job that it happened to are one transaction") {
  TempDir dir;
  auto store = open_store(dir / "db");
  World w;
  w.session.id = "s1";
  Job job;
  job.id = "j1";
  job.spec.name = "n";
  job.spec.argv = {"x"};
  job.spec.cwd = "/";
  Checkpoint c;
  c.seq = 1;
  job.checkpoints = {c, c}; // the second row breaks the key
  w.jobs["j1"] = job;
  REQUIRE_FALSE(store->commit(w, {"j1"}, Outlives::power_cut, {{warning(1, "w", "j1")}, {}}));
  CHECK(store->events({}, 0, 100)->empty());
  CHECK(store->load_jobs()->empty());
}
