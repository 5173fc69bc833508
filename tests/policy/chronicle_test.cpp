// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/chronicle.h"

#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// The loop's order: every wake-up is looked at once, then committed.
struct Kept : Bench {
  Chronicle chronicle{w};
  std::vector<Occurrence> events;
  std::map<std::pair<JobId, int>, AttemptRecord> attempts;

  void look() {
    chronicle.look(w, now);
    for (const auto& e : chronicle.news().events) {
      events.push_back(e);
    }
    for (const auto& a : chronicle.news().attempts) {
      attempts[{a.job, a.attempt}] = a;
    }
    chronicle.stored();
    w.dirty.clear();
    w.announcements.clear();
  }
  void start(const JobSpec& s = spec(), const JobId& id = "j1") {
    step(Submitted{id, s});
    look();
    started(id);
    look();
  }
  void save(const std::string& path, bool good = true) {
    saved(path, "sig" + path);
    look();
    secured(good);
    look();
  }
  /// A run that saves after a minute.
  void start_and_save() {
    start();
    pass(60s);
    save("/c/1");
  }
  void end(int code) {
    gone(exit_record(code));
    look();
  }
  [[nodiscard]] std::vector<std::string> kinds() const {
    std::vector<std::string> out;
    for (const auto& e : events) {
      out.emplace_back(to_text(e.kind));
    }
    return out;
  }
  [[nodiscard]] const AttemptRecord& attempt(int n = 1, const JobId& id = "j1") const {
    return attempts.at({id, n});
  }
};

using Kinds = std::vector<std::string>;

} // namespace

TEST_CASE("every kind has a word of its own") {
  for (const auto kind :
       {Happened::session_started, Happened::session_ended, Happened::run_started,
        Happened::run_ended, Happened::checkpoint, Happened::warning, Happened::notice}) {
    CHECK(happened_from_text(to_text(kind)) == kind);
  }
  CHECK_FALSE(happened_from_text("party"));
}

TEST_CASE("a run that is done has kept all of its work") {
  Kept b;
  b.start();
  CHECK(b.attempt().state == "running");
  CHECK(b.attempt().kept == Duration::zero());
  CHECK_FALSE(b.attempt().lost);
  b.pass(100s);
  b.end(0);
  CHECK(b.kinds() == Kinds{"run_started", "run_ended"});
  CHECK(b.events[0].attempt == 1);
  CHECK(b.attempt().state == "done");
  CHECK(b.attempt().ended == b.now.wall);
  CHECK(b.attempt().kept == 100s);
  CHECK(b.attempt().lost == Duration::zero());
  CHECK(b.attempt().why_lost.empty());
}

TEST_CASE("what comes after the newest verified checkpoint is lost, and why is said") {
  Kept b;
  b.start_and_save();
  CHECK(b.attempt().kept == 60s);
  b.pass(20s);
  b.save("/c/2", false); // not complete: it keeps nothing
  b.pass(10s);
  b.end(1);
  CHECK(b.kinds() == Kinds{"run_started", "checkpoint", "warning", "run_ended"});
  CHECK(b.events[1].at == b.events[0].at + 60s);
  CHECK(b.events[2].text == "checkpoint not confirmed: /c/2: truncated");
  CHECK(b.attempt().state == "failed");
  CHECK(b.attempt().kept == 60s);
  CHECK(b.attempt().lost == 30s);
  CHECK(b.attempt().why_lost == "exit code 1");
}

TEST_CASE("a run without a checkpoint has kept nothing") {
  Kept b;
  b.start();
  b.pass(45s);
  b.end(1);
  CHECK(b.attempt().kept == Duration::zero());
  CHECK(b.attempt().lost == 45s);
  CHECK(b.attempt().why_lost == "exit code 1; nothing had been saved");
}

TEST_CASE("a run that goes on later is an attempt of its own") {
  Kept b;
  b.start_and_save();
  b.pass(5s);
  b.end(85);
  CHECK(b.attempt(1).state == "interrupted");
  CHECK(b.attempt(1).lost == 5s);
  CHECK(b.attempt(1).ended == b.now.wall);
  b.pass(5s);
  b.tick();
  b.look();
  b.prepared("/c/1");
  b.look();
  b.started();
  b.look();
  CHECK(b.events.back().text == "attempt 2 resumes from /c/1");
  CHECK(b.attempt(2).started == b.now.wall);
  CHECK(b.attempt(2).kept == Duration::zero()); // the first one's work is not counted twice
}

TEST_CASE("when a run ended, and so what it lost, is not known without an exit record") {
  Kept b;
  b.start_and_save();
  b.pass(600s);
  b.gone({}, false);
  b.look();
  CHECK_FALSE(b.attempt().ended);
  CHECK(b.attempt().kept == 60s);
  CHECK_FALSE(b.attempt().lost);
  CHECK(b.attempt().why_lost == "the session vanished");
}

TEST_CASE("what was stored is no news to the next daemon") {
  Kept b;
  b.start_and_save();
  Chronicle next(b.w);
  b.w.dirty.insert("j1");
  next.look(b.w, b.now);
  CHECK(next.news().empty());
  b.pass(10s);
  b.gone(b.exit_record(0));
  next.look(b.w, b.now);
  REQUIRE(next.news().events.size() == 1);
  CHECK(next.news().events[0].kind == Happened::run_ended);
  REQUIRE(next.news().attempts.size() == 1);
  CHECK(next.news().attempts[0].kept == 70s);
}

TEST_CASE("all that happens in one wake-up is told") {
  Kept b;
  b.step(Submitted{"j1", Bench::spec()});
  b.look();
  b.started();
  b.pass(3s);
  b.gone(b.exit_record(0));
  b.look();
  CHECK(b.kinds() == Kinds{"run_started", "run_ended"});
  CHECK(b.attempt().kept == 3s);
}

TEST_CASE("a job that came to no run is told of once") {
  Kept b;
  b.session(10min);
  b.step(Submitted{"j1", Bench::spec()});
  b.look();
  b.step(LaunchFailed{"j1", 1, "no shim"});
  b.look();
  CHECK(b.kinds() == Kinds{"warning"});
  CHECK(b.events[0].text == "held: cannot start: no shim");
  b.w.dirty.insert("j1");
  b.look();
  CHECK(b.events.size() == 1);
}

TEST_CASE("what is said to every job alike is said once") {
  Kept b;
  b.w.slots = 2;
  b.start(Bench::spec("a"), "j1");
  b.start(Bench::spec("b"), "j2");
  b.events.clear();
  b.step(SaveWished{"memory fills up"});
  b.look();
  REQUIRE(b.kinds() == Kinds{"warning"});
  CHECK(b.events[0].job.empty());
  b.step(StopAsked{"j2", true});
  b.gone(b.exit_record({}, 15, "j2"), true, "j2");
  b.look();
  b.events.clear();
  b.step(SaveWished{"memory fills up again"});
  b.look();
  REQUIRE(b.kinds() == Kinds{"warning"});
  CHECK(b.events[0].job == "j1");
}

TEST_CASE("a notice of the end is told once, without a job too, and that it was withdrawn") {
  Kept b;
  b.session(9h);
  b.look();
  const auto noticed = b.now.boot;
  b.step(EndMoved{b.now.boot + 120s, b.now.boot + 115s, noticed, "spot: the machine goes"});
  b.look();
  REQUIRE(b.kinds() == Kinds{"notice"});
  CHECK(b.events[0].text == "spot: the machine goes");
  CHECK(b.events[0].job.empty());
  b.pass(1s);
  b.look();
  CHECK(b.events.size() == 1);
  b.step(EndMoved{b.now.boot + 8h, b.now.boot + 8h, {}, ""});
  b.look();
  CHECK(b.kinds() == Kinds{"notice", "notice"});
}

TEST_CASE("an end that moves by seconds is no news") {
  Kept b;
  b.session(9h);
  b.look();
  b.step(EndMoved{b.now.boot + 2h, b.now.boot + 2h, {}, "the quota ends this session"});
  b.look();
  b.step(EndMoved{b.now.boot + 2h + 5s, b.now.boot + 2h, {}, "the quota ends it 5 s later"});
  b.look();
  CHECK(b.kinds() == Kinds{"warning"});
}

TEST_CASE("a text that a job wrote is short and printable") {
  Kept b;
  b.chronicle.add({b.now.wall, Happened::warning, {}, {}, 0, "\x1b[31m" + std::string(2000, 'x')});
  const auto& text = b.chronicle.news().events.back().text;
  CHECK(text.size() < 600);
  CHECK(text.starts_with("\\x1b"));
}
