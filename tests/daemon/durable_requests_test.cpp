// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable_requests.h"

#include "common/file.h"
#include "common/json.h"
#include "daemon/durable/helper.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <limits>
#include <nlohmann/json.hpp>

/// The daemon's requests against the real helper, without processes: what one writes the other
/// reads.
using namespace gpujob;
using namespace gpujob::policy;
using gpujob::test::TempDir;

namespace {

struct Side {
  TempDir state, durable;
  StatePaths paths{state.path()};
  durable_requests::Place place{durable.path(), "stored", "sess1"};
  Job job;

  Side() {
    job.id = "abcd1234";
    job.attempt = 1;
    job.spec.name = "digits";
    job.spec.argv = {"train"};
    job.spec.cwd = "/";
    REQUIRE(make_directories(paths.checkpoint_dir(job.id)));
  }

  static Result<std::string> ask(const std::string& request) {
    return durable::handle_request(request);
  }

  Secured save(int seq, const std::string& content) {
    const auto path = paths.checkpoint_dir(job.id) + "/model.bin";
    REQUIRE(atomic_replace(path, content));
    Checkpoint c;
    c.seq = seq;
    c.attempt = job.attempt;
    c.path = path;
    c.how = "notify";
    c.step = seq * 10;
    c.at = wall_from_ns(1'790'000'000'000'000'000 + seq);
    c.heard = boot_from_ns(2);
    c.manifest = durable_requests::manifest_path(paths, job, seq);
    job.checkpoints.push_back(c);
    auto s = durable_requests::read_secure(
        job.id, seq, durable_requests::manifest_path(paths, job, seq),
        ask(durable_requests::secure(place, paths, job, seq, wall_from_ns(7))));
    auto& kept = job.checkpoints.back();
    kept.state = s.verified ? CheckpointState::verified : CheckpointState::rejected;
    kept.manifest = s.manifest;
    kept.durable_path = s.durable_path;
    kept.durable_level = s.durable_level;
    return s;
  }

  durable_requests::Scanned scan() {
    return durable_requests::read_scan(place, ask(durable_requests::scan(place, {}))).value();
  }
};

} // namespace

TEST_CASE("a copy may take as long as slow storage needs for the largest checkpoint") {
  using namespace std::chrono_literals;
  Job job;
  CHECK(durable_requests::copy_deadline(job) == 30min);
  job.checkpoints.resize(2);
  job.checkpoints[0].bytes = 10'000'000'000;
  CHECK(durable_requests::copy_deadline(job) == 30min + 5000s);
  job.checkpoints[1].bytes = std::numeric_limits<std::int64_t>::max();
  CHECK(durable_requests::copy_deadline(job) == 30min + 24h);
}

TEST_CASE("a checkpoint is stored only when a record says what job it is of") {
  Side s;
  s.job.begin_record = Work::wanted; // the helper that wrote it was killed
  const auto secured = s.save(1, "weights");
  CHECK(secured.durable_level == "stored");
  CHECK(secured.begun == 1);
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  CHECK(found.jobs[0].spec == s.job.spec);
  REQUIRE(newest_verified(found.jobs[0]));
  s.job.begin_record = Work::none;
  CHECK_FALSE(s.save(2, "more").begun);
}

TEST_CASE("where an earlier attempt's record says whose it is the newest one's is not waited for") {
  Side s;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  s.job.attempt = 2;
  s.job.begin_record = Work::wanted;
  REQUIRE(make_directories(s.durable.path() + "/jobs/" + s.job.id +
                           "/attempts/2-sess1/spec.json")); // which is no file
  const auto secured = s.save(1, "weights");
  CHECK(secured.durable_level == "stored");
  CHECK_FALSE(secured.begun);
}

TEST_CASE("while that record cannot be written a checkpoint is verified and not stored") {
  Side s;
  s.job.begin_record = Work::wanted;
  const auto attempt = s.durable.path() + "/jobs/" + s.job.id + "/attempts/1-sess1";
  REQUIRE(make_directories(attempt + "/spec.json")); // which is no file
  const auto secured = s.save(1, "weights");
  CHECK(secured.verified);
  CHECK(secured.durable_level.empty());
  CHECK(secured.durable_error.find("spec.json") != std::string::npos);
  CHECK_FALSE(read_file(attempt + "/checkpoints/1/manifest.json", 100));
}

TEST_CASE("a job that was stored is found by a machine that knows nothing") {
  Side s;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  const auto secured = s.save(1, "weights");
  REQUIRE(secured.verified);
  CHECK(secured.durable_level == "stored");
  s.job.state = Ended{EndState::parked, "limit", {}, 15, true};
  s.job.budgets.interruptions = 1;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::end(s.place, s.job, wall_from_ns(6)))));

  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  const auto& job = found.jobs[0];
  CHECK(job.id == s.job.id);
  CHECK(job.spec == s.job.spec);
  CHECK(job.attempt == 1);
  CHECK(state_text(job) == "parked");
  CHECK(job.budgets.interruptions == 1);
  REQUIRE(newest_verified(job));
  CHECK(newest_verified(job)->step == 10);
  CHECK(run_exit(job) == 85);

  // And its checkpoint is restored there.
  TempDir fresh;
  const StatePaths there{fresh.path()};
  REQUIRE(make_directories(there.checkpoint_dir(job.id)));
  const auto prepared =
      durable_requests::read_resume(job, Side::ask(durable_requests::resume(s.place, there, job)));
  REQUIRE(prepared.ok);
  CHECK(prepared.from == "durable");
  CHECK(prepared.rejected.empty());
  CHECK(*read_file(prepared.path, 100) == "weights");
}

TEST_CASE("the helper is told where to say how far it is, and locks what the daemon looks at") {
  Side s;
  (void)s.save(1, "weights");
  const auto request =
      json::parse(durable_requests::secure(s.place, s.paths, s.job, 1, wall_from_ns(7)), "request")
          .value();
  CHECK(request["progress"] == s.paths.storing(s.job.id));
  CHECK_FALSE(read_file(s.paths.storing(s.job.id), 100));
  CHECK(read_file(s.paths.helper_lock(s.job.id), 100));
}

TEST_CASE("two VMs that ran one job at once: every checkpoint has a number of its own") {
  Side s;
  for (const auto* session : {"sess1", "sess2"}) {
    s.place.session = session;
    s.job.checkpoints.clear();
    REQUIRE(durable_requests::read_done(
        Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
    REQUIRE(s.save(1, std::string("weights of ") + session).verified);
  }
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  const auto& list = found.jobs[0].checkpoints;
  REQUIRE(list.size() == 2);
  CHECK(list[0].seq != list[1].seq);
  CHECK(list[0].durable_path != list[1].durable_path);
}

TEST_CASE("of two stored jobs of one name, the one that was run last comes last") {
  Side s;
  const auto begin = [&](const char* id, int attempt, std::int64_t at) {
    s.job.id = id;
    s.job.attempt = attempt;
    REQUIRE(durable_requests::read_done(
        Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(at)))));
  };
  begin("zzzz1234", 1, 5);
  begin("aaaa1234", 1, 6);
  REQUIRE(s.scan().jobs.size() == 2);
  CHECK(s.scan().jobs.back().id == "aaaa1234");
  begin("zzzz1234", 2, 7); // the newer one was removed, and the same line went on with this one
  CHECK(s.scan().jobs.back().id == "zzzz1234");
}

TEST_CASE("an attempt of which only the number was left takes nothing back") {
  Side s;
  s.job.id = "old12345";
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  s.job.id = "abcd1234";
  s.job.attempt = 4;
  s.job.budgets = {3, 2, 1};
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(6)))));
  // The VM died between the directory and its first record.
  REQUIRE(make_directories(s.durable / "jobs/abcd1234/attempts/5-sess1"));
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 2);
  const auto& job = found.jobs.back(); // the same line goes on with it, not with the older one
  CHECK(job.id == "abcd1234");
  CHECK(job.attempt == 5);
  CHECK(job.budgets == Budgets{4, 2, 1});
}

TEST_CASE("an attempt of which only the end was written down was run last all the same") {
  Side s;
  const auto begin = [&](const char* id, std::int64_t at) {
    s.job.id = id;
    REQUIRE(durable_requests::read_done(
        Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(at)))));
  };
  begin("abcd1234", 5);
  begin("other123", 6);
  s.job.id = "abcd1234";
  s.job.attempt = 2;
  s.job.state = Ended{EndState::failed, "exit code 3", 3, {}, false};
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::end(s.place, s.job, wall_from_ns(7)))));
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 2);
  CHECK(found.jobs.back().id == "abcd1234");
}

TEST_CASE("an attempt that one session began and another saw the end of has ended") {
  Side s;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  auto later = s.place; // the same disk, another session
  later.session = "aaaaaaaa";
  s.job.state = Ended{EndState::done, "exit code 0", 0, {}, false};
  REQUIRE(
      durable_requests::read_done(Side::ask(durable_requests::end(later, s.job, wall_from_ns(7)))));
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  CHECK(state_text(found.jobs[0]) == "done");
  CHECK(found.jobs[0].attempt == s.job.attempt);
}

TEST_CASE("a helper that gave no answer has not rejected the checkpoint") {
  const auto s = durable_requests::read_secure("abcd1234", 1, "/m",
                                               Error{Errc::io, "helper: killed by signal 9"});
  CHECK_FALSE(s.answered);
  CHECK_FALSE(s.verified);
}

TEST_CASE("an attempt without an end means that its session vanished") {
  Side s;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  CHECK(state_text(found.jobs[0]) == "parked");
  CHECK(reason_text(found.jobs[0]).find("vanished") != std::string::npos);
  CHECK(found.jobs[0].budgets.interruptions == 1);
}

TEST_CASE("how long saves took travels with the checkpoints to the next machine") {
  Side s;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  s.job.history.saves = {{1.5, 2, 3e9, 0.5, 1, "nfs4, stored"}, {1, 2.5, 3e9}};
  s.job.history.first = std::chrono::minutes{40};
  REQUIRE(s.save(1, "weights").verified);
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  CHECK(found.jobs[0].history.saves == s.job.history.saves);
  CHECK(found.jobs[0].history.first == s.job.history.first);
}

TEST_CASE("as many checkpoints as asked for are kept, and a resume falls back to the older one") {
  Side s;
  s.job.spec.keep = 2;
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  for (int seq = 1; seq <= 3; ++seq) {
    REQUIRE(s.save(seq, "weights " + std::to_string(seq)).verified);
  }
  auto found = s.scan();
  REQUIRE(found.jobs[0].checkpoints.size() == 2);
  CHECK(found.jobs[0].checkpoints[0].seq == 2);
  REQUIRE(
      atomic_replace(found.jobs[0].checkpoints[1].durable_path + "/data/model.bin", "WEIGHTS 3"));
  TempDir fresh;
  const StatePaths there{fresh.path()};
  REQUIRE(make_directories(there.checkpoint_dir(s.job.id)));
  const auto prepared = durable_requests::read_resume(
      found.jobs[0], Side::ask(durable_requests::resume(s.place, there, found.jobs[0])));
  CHECK(*read_file(prepared.path, 100) == "weights 2");
  CHECK(prepared.rejected.size() == 1);
}

TEST_CASE("another session's heartbeat is a lease until three are missed, its end, or its close") {
  Side s;
  auto other = s.place;
  other.session = "sess2";
  const auto at = wall_from_ns(1'790'000'000'000'000'000);
  const auto beat = [&](std::int64_t seq, std::optional<WallTime> ends, bool closed) {
    REQUIRE(durable_requests::read_done(Side::ask(durable_requests::heartbeat(
        other, {seq, at, ends, std::chrono::seconds{60}, {"abcd1234"}, closed, "", "", "", {}}))));
  };
  beat(1, std::nullopt, false);
  CHECK(s.scan().leases.at("abcd1234").expires == at + std::chrono::seconds{180});
  beat(2, at + std::chrono::seconds{30}, false);
  CHECK(s.scan().leases.at("abcd1234").expires == at + std::chrono::seconds{30});
  beat(3, std::nullopt, true);
  CHECK(s.scan().leases.empty());
}

TEST_CASE("an end said after the last heartbeat ends its lease, one said before does not") {
  Side s;
  auto other = s.place;
  other.session = "sess2";
  const auto at = wall_from_ns(1'790'000'000'000'000'000);
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(other, s.job, at - std::chrono::seconds{9}))));
  REQUIRE(durable_requests::read_done(Side::ask(durable_requests::heartbeat(
      other, {1, at, std::nullopt, std::chrono::seconds{60}, {s.job.id}, false, "", "", "", {}}))));
  CHECK(s.scan().leases.size() == 1);
  s.job.state = Ended{EndState::parked, "limit", {}, 15, true};
  SECTION("after") {
    REQUIRE(durable_requests::read_done(
        Side::ask(durable_requests::end(other, s.job, at + std::chrono::seconds{1}))));
    CHECK(s.scan().leases.empty());
  }
  SECTION("before: it runs again there") {
    REQUIRE(durable_requests::read_done(
        Side::ask(durable_requests::end(other, s.job, at - std::chrono::seconds{1}))));
    CHECK(s.scan().leases.size() == 1);
  }
}

TEST_CASE("times that nobody can mean make no lease and no job that cannot go on") {
  Side s;
  const auto huge = std::numeric_limits<std::int64_t>::max();
  const auto scan = [&](const nlohmann::json& heartbeat, const nlohmann::json& attempt) {
    const nlohmann::json job{
        {"id", "abcd1234"}, {"spec", to_json(s.job.spec)}, {"attempts", {attempt}}};
    const nlohmann::json reply{{"ok", true},
                               {"problems", nlohmann::json::array()},
                               {"jobs", {job}},
                               {"heartbeats", {heartbeat}}};
    return durable_requests::read_scan(s.place, reply.dump()).value();
  };
  const nlohmann::json beat{{"session", "sess2"},   {"seq", 1},
                            {"at_ns", 1000},        {"interval_s", 60},
                            {"jobs", {"abcd1234"}}, {"closed", false}};
  const nlohmann::json attempt{
      {"attempt", 1},
      {"session", "sess2"},
      {"at_ns", 1000},
      {"budgets", {{"interruptions", 0}, {"failures", 0}, {"no_progress", 0}}},
      {"checkpoints", nlohmann::json::array()}};
  CHECK(scan(beat, attempt).leases.size() == 1);
  for (const auto* key : {"at_ns", "ends_at_ns"}) {
    auto bad = beat;
    bad[key] = huge;
    CHECK(scan(bad, attempt).leases.empty());
  }
  auto slow = beat;
  slow["interval_s"] = 1e300;
  CHECK(scan(slow, attempt).leases.at("abcd1234").expires <=
        wall_from_ns(1000) + 3 * std::chrono::hours{24});
  auto counted = attempt;
  counted["budgets"]["interruptions"] = huge;
  CHECK(scan(beat, counted).jobs.at(0).budgets.interruptions == 1); // it vanished once
  auto late = attempt;
  late["checkpoints"] = {{{"seq", huge},
                          {"source", "/c"},
                          {"how", "notify"},
                          {"at_ns", 1},
                          {"bytes", 1},
                          {"path", "/d"}}};
  CHECK(scan(beat, late).jobs.at(0).checkpoints.empty());
}

TEST_CASE("what another session has used: until its close, or an interval after its last word") {
  using namespace std::chrono_literals;
  Side s;
  auto other = s.place;
  other.session = "sess2";
  const auto began = wall_from_ns(1'790'000'000'000'000'000);
  durable_requests::Beat beat{1, began + 1h, {}, 60s, {}, false, "kaggle", "gpu", "vm2", began};
  const auto uses = [&] {
    REQUIRE(durable_requests::read_done(Side::ask(durable_requests::heartbeat(other, beat))));
    return s.scan().uses;
  };
  auto found = uses();
  REQUIRE(found.size() == 1);
  CHECK(found[0].platform == "kaggle");
  CHECK(found[0].use == limits::Use{"vm2", "gpu", {began, began + 1h + 60s}});
  beat.seq = 2;
  beat.at = began + 2h;
  beat.closed = true;
  found = uses();
  REQUIRE(found.size() == 1);
  CHECK(found[0].use.when.end == began + 2h);

  other.session = "sess3"; // of a version that did not say since when
  beat = {1, began, {}, 60s, {}, false, "", "", "", {}};
  CHECK(uses().size() == 1);
  CHECK(s.scan().leases.empty());
  other.session = s.place.session; // our own is counted as it is now, not as it was said last
  beat = {1, began + 1h, {}, 60s, {}, false, "kaggle", "gpu", "vm2", began};
  CHECK(uses().size() == 1);
}

TEST_CASE("our own heartbeats are no lease, and their number goes on") {
  Side s;
  REQUIRE(durable_requests::read_done(Side::ask(durable_requests::heartbeat(
      s.place,
      {7, wall_from_ns(1), {}, std::chrono::seconds{60}, {"abcd1234"}, false, "", "", "", {}}))));
  const auto found = s.scan();
  CHECK(found.leases.empty());
  CHECK(found.own_heartbeat_seq == 7);
}

TEST_CASE("a helper's refusal or silence is an error, never an empty answer") {
  Side s;
  CHECK_FALSE(durable_requests::read_scan(s.place, std::string("")));
  CHECK_FALSE(durable_requests::read_scan(s.place, std::string("{\"ok\":true}x")));
  CHECK_FALSE(durable_requests::read_done(std::string("{\"ok\":false,\"error\":\"full\"}")));
  const auto secured = durable_requests::read_secure("j", 1, "/m", Error{Errc::io, "deadline"});
  CHECK_FALSE(secured.verified);
  CHECK(secured.why == "deadline");
  CHECK_FALSE(durable_requests::read_resume(s.job, std::string("{}")).ok);
}

TEST_CASE("a kind of storage has a name without a path or a key") {
  using durable_requests::Place;
  CHECK(Place{}.kind() == "this VM");
  Place place{"/durable", "cached", "s1"};
  CHECK(place.kind().empty()); // not opened yet
  place.filesystem = "fuse.drive";
  CHECK(place.kind() == "fuse.drive, cached");
  place = {"/spool", "stored", "s1", "gdrive:folder/mine", "rclone"};
  CHECK(place.kind() == "rclone gdrive, stored");
  for (const auto* remote : {":s3,secret_access_key=xyz:bucket", "s3,secret=xyz:bucket", "", ":"}) {
    place.remote = remote;
    CHECK(place.kind().find("xyz") == std::string::npos);
  }
}

TEST_CASE("a save that was asked for brings its storage to the next machine") {
  Side s;
  s.place.filesystem = "ext4";
  REQUIRE(durable_requests::read_done(
      Side::ask(durable_requests::begin(s.place, s.job, wall_from_ns(5)))));
  Running running;
  running.request = Request{1, false, boot_from_ns(0), "USR1", 1, {}};
  s.job.state = running;
  const auto secured = s.save(1, "weights");
  REQUIRE(secured.verified);
  CHECK(secured.verify_s);
  const auto found = s.scan();
  REQUIRE(found.jobs.size() == 1);
  REQUIRE(found.jobs[0].history.saves.size() == 1);
  CHECK(found.jobs[0].history.saves[0].storage == s.place.kind());
  CHECK(found.jobs[0].history.saves[0].verify);
}
