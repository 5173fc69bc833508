// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

#include "daemon/policy/saving_course.h"

#include <chrono>
#include <cmath>
#include <string>

using namespace gpujob;
using namespace gpujob::test;

namespace {

/// A job that catches a signal, in a session of 12 h with a durable directory; its saves have taken
/// 8 s, and 2 s more until they were durable.
struct Learned : Bench {
  explicit Learned(Duration limit = 12h, const JobSpec& s = spec()) {
    session(limit);
    durable();
    step(Submitted{"j1", s});
    job().history.saves.assign(8, {8, 2, 1e8});
    job().history.relearn();
    started();
    record(journal::Catches{"USR1", 100});
  }
  [[nodiscard]] const SavingCourse& course() { return std::get<Running>(job().state).saving; }
  [[nodiscard]] Plan plan() { return desired_plan(w, job()); }
  [[nodiscard]] BootTime end() const { return *w.session.plan_end; }

  /// Asked for, saved after 8 s, durable 2 s later.
  void save(std::int64_t number, const std::string& path) {
    record(journal::Requested{number, false, "USR1", {100}});
    pass(8s);
    saved(path, "sig" + path);
    pass(2s);
    secured(true, "stored");
  }
};

} // namespace

TEST_CASE("a session that has never died is saved once, near its end") {
  Learned b;
  b.step(DeathsSeen{{0, 10000h, 800}});
  REQUIRE(b.course().plan);
  REQUIRE(b.course().last);
  CHECK(*b.course().last > b.end() - 3min);
  CHECK(*b.plan().request_at == *b.course().last);
  CHECK(b.course().miss < 0.01);
  // Asked by the daemon first, so that the job may go on after it; the shim's own is for when none
  // lives.
  REQUIRE(b.course().next);
  CHECK(*b.course().next > b.end() - 3min);
}

TEST_CASE("sessions that die without a word are saved in between, as often as is worth it") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  REQUIRE(b.course().next);
  // Daly's interval for 6 h and a pause of 8 s: 9.8 min.
  CHECK(*b.course().period > 8min);
  CHECK(*b.course().period < 12min);
  const auto first = *b.course().next;
  CHECK(b.last.next_wakeup <= first);
  b.now.boot = first;
  b.tick();
  REQUIRE(b.action<SendRequest>());
  b.save(1, "/c/1.pt");
  CHECK(b.job().history.saves.size() == 9);
  CHECK(b.job().history.saves.back().pause == 8);
  CHECK(b.job().history.saves.back().copy == 2);
  REQUIRE(b.course().next);
  CHECK(*b.course().next > first + 8min);
}

TEST_CASE("what the job saves by itself counts: it is not asked soon after") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  const auto first = *b.course().next;
  b.pass(5min);
  b.saved("/c/own.pt", "own");
  b.secured(true, "stored");
  REQUIRE(b.course().next);
  CHECK(*b.course().next > first + 4min);
}

TEST_CASE("TERM comes at the end of the session, not after the last save of a job that goes on") {
  Learned b;
  const auto plan = b.plan();
  CHECK(*plan.term_at == b.end() - 30s);
  CHECK(*plan.term_at + plan.kill_grace < b.end());
}

TEST_CASE("while a save that was asked for is under way, the shim asks for none") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  b.now.boot = *b.course().next;
  b.tick();
  b.record(journal::Requested{1, false, "USR1", {100}});
  CHECK_FALSE(b.plan().request_at);
  CHECK(b.plan().term_at);
  b.pass(8s);
  b.saved("/c/1.pt", "1");
  b.secured(true, "stored");
  CHECK(b.plan().request_at);
}

TEST_CASE("who does not answer twice is asked once more, at the end") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  for (int i = 1; i <= 2; ++i) {
    b.now.boot = std::max(b.now.boot, *b.course().next);
    b.tick();
    CHECK(b.job().request_wanted == i);
    b.record(journal::Requested{i, false, "USR1", {100}});
    b.pass(10min);
    b.tick();
  }
  CHECK_FALSE(b.course().next);
  REQUIRE(b.course().last);
  CHECK(*b.course().last > b.end() - 10min);
}

TEST_CASE("without history a first save early shows whether saving works, and teaches") {
  Bench b;
  b.session(12h);
  b.durable();
  b.run();
  CHECK_FALSE(next_save_due(std::get<Running>(b.job().state)));
  b.record(journal::Catches{"USR1", 100});
  const auto due = next_save_due(std::get<Running>(b.job().state));
  CHECK(due == std::get<Running>(b.job().state).since + 5min);
  b.now.boot = *due;
  b.tick();
  REQUIRE(b.action<SendRequest>());
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(20s);
  b.saved("/c/1.pt", "1");
  b.secured(true, "stored");
  CHECK(std::get<Running>(b.job().state).saving.basis.learned == 1);
}

TEST_CASE("a job that cannot be asked, and a session with nothing durable, are left alone") {
  Bench quiet;
  quiet.session(12h);
  quiet.durable();
  quiet.run();
  CHECK_FALSE(next_save_due(std::get<Running>(quiet.job().state)));
  auto s = Bench::spec();
  s.checkpoint_signal = "none";
  const Learned none(12h, s);
  CHECK_FALSE(next_save_due(std::get<Running>(none.w.jobs.at("j1").state)));
  Bench volatile_;
  volatile_.session(12h);
  volatile_.run();
  volatile_.record(journal::Catches{"USR1", 100});
  CHECK_FALSE(next_save_due(std::get<Running>(volatile_.job().state)));
}

TEST_CASE("the user's lead stands against what was learned") {
  auto s = Bench::spec();
  s.lead = 7min;
  Learned b(12h, s);
  CHECK(*b.plan().request_at == b.end() - 7min);
}

TEST_CASE("a notice's end is planned to at once") {
  Learned b;
  b.pass(1h);
  const auto end = b.now.boot + 2min;
  b.step(EndMoved{end, end - 5s, b.now.boot, "preempted", {}});
  REQUIRE(b.action<SendPlan>());
  const auto plan = b.action<SendPlan>()->plan;
  CHECK(*plan.term_at < end - 5s);
  REQUIRE(plan.request_at);
  CHECK(*plan.request_at < *plan.term_at - 10s);
}

TEST_CASE("a job that saves only by itself needs time for its first checkpoint") {
  Bench b;
  b.session(12h);
  b.durable();
  b.run();
  b.pass(40min);
  b.saved("/c/epoch1.pt", "e1");
  b.secured(true, "stored");
  REQUIRE(b.job().history.first);
  CHECK(*b.job().history.first == 40min);
  const auto history = b.job().history;
  b.pass(10h + 58min);
  CHECK(start_refusal(b.w, Bench::spec(), history, b.now) ==
        "it needs about 40m 00s to reach its first checkpoint, as before, and only 22m 00s of the "
        "session are left: give --lead to start it all the same");
  auto sure = Bench::spec();
  sure.lead = 1min;
  CHECK_FALSE(start_refusal(b.w, sure, history, b.now));
  CHECK_FALSE(start_refusal(b.w, Bench::spec(), {}, b.now));
}

TEST_CASE("a job that leaves right after a save that it was to go on from is resumed, not done") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  b.now.boot = *b.course().next;
  b.tick();
  b.save(1, "/c/1.pt");
  SECTION("at once: because of it") {
    b.pass(2s);
    b.gone(b.exit_record(0));
    CHECK(b.state() == "queued");
    CHECK(b.job().seen_to_exit);
  }
  SECTION("later: it was done") {
    b.pass(1min);
    b.gone(b.exit_record(0));
    CHECK(b.state() == "done");
    CHECK_FALSE(b.job().seen_to_exit);
  }
}

TEST_CASE("a job that exits after saving is asked once, for the last save") {
  Learned b;
  b.record(journal::Recipe{"megatron", "--exit-signal-handler", true});
  b.step(DeathsSeen{{0, 10000h, 800}});
  CHECK_FALSE(b.course().next);
  REQUIRE(b.course().last);
  CHECK(*b.course().last > b.end() - 3min);
}

TEST_CASE("fast and scattered saves do not make the first planned save the last") {
  const auto saves = GENERATE(std::vector<double>{0.05}, std::vector<double>{0.05, 0.05},
                              std::vector<double>{0.5, 30, 200}, std::vector<double>{0.1, 0.1, 60},
                              std::vector<double>{10, 10, 10, 10, 10, 10, 10, 28800});
  Bench b;
  b.session(12h);
  b.durable();
  b.step(Submitted{"j1", Bench::spec()});
  for (const double s : saves) {
    b.job().history.saves.push_back({s, 0.1, 1e5});
  }
  b.job().history.relearn();
  b.record(journal::Started{100});
  b.record(journal::Catches{"USR1", 100});
  b.step(DeathsSeen{{12, 72h, 12}});
  const auto& course = std::get<Running>(b.job().state).saving;
  REQUIRE(course.next);
  REQUIRE(course.last);
  CHECK(*course.next < *b.w.session.plan_end - 6h);
  CHECK(*course.last > *b.w.session.plan_end - 4h);
}

TEST_CASE("a copy that fails for hours keeps neither the next save nor the last from being asked") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  b.now.boot = *b.course().next;
  b.tick();
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(8s);
  b.saved("/c/1.pt", "1");
  b.secured(true, "", "needs 1.2 GB, 300 MB are free");
  CHECK_FALSE(b.plan().request_at); // for a while it is the one that counts
  b.pass(1h);
  b.tick();
  CHECK(b.plan().request_at);
  CHECK(b.job().request_wanted == 2);
}

TEST_CASE("an answer that comes after its request was given up teaches all the same") {
  Learned b;
  b.step(DeathsSeen{{12, 72h, 12}});
  b.now.boot = *b.course().next;
  b.tick();
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(100s);
  b.tick();
  CHECK(std::get<Running>(b.job().state).unanswered == 1);
  b.pass(50s);
  b.saved("/c/1.pt", "1");
  b.secured(true, "stored");
  CHECK(std::get<Running>(b.job().state).unanswered == 0);
  CHECK(b.job().history.saves.back().pause == 150);
}

TEST_CASE("the first save is waited for: nothing is known of how long it takes") {
  Bench b;
  b.session(12h);
  b.durable();
  b.run();
  b.record(journal::Catches{"USR1", 100});
  b.pass(5min);
  b.tick();
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(10min);
  b.tick();
  b.saved("/c/1.pt", "1");
  b.secured(true, "stored");
  REQUIRE(b.job().history.saves.size() == 1);
  CHECK(b.job().history.saves[0].pause == 600);
}

TEST_CASE("the newest saves count, also when as many are known as are kept") {
  Learned b;
  b.job().history.saves.assign(k_saves_kept, {8, 2, 1e8});
  b.job().history.relearn();
  b.step(DeathsSeen{{12, 72h, 12}});
  const auto before = b.course().plan->prospect().latency.quantile(0.9);
  for (int i = 1; i <= 30; ++i) {
    b.now.boot = std::max(b.now.boot + 1s, b.course().next.value_or(b.now.boot));
    b.tick();
    b.record(journal::Requested{i, false, "USR1", {100}});
    b.pass(38s);
    b.saved("/c/" + std::to_string(i), "slow" + std::to_string(i));
    b.pass(2s);
    b.secured(true, "stored");
  }
  CHECK(b.job().history.saves.size() == k_saves_kept);
  CHECK(b.course().plan->prospect().latency.quantile(0.9) > 1.5 * before);
}

TEST_CASE("what is hardly worth it is asked all the same when the end is near") {
  Learned b;
  b.job().history.saves.assign(8, {60, 2, 1e8});
  b.job().history.relearn();
  b.pass(1h);
  b.saved("/c/own.pt", "own");
  b.secured(true, "stored");
  b.pass(10min);
  const auto end = b.now.boot + 30s;
  b.step(EndMoved{end, end - 3s, b.now.boot, "preempted", {}, {}});
  REQUIRE(b.plan().request_at);
  CHECK(*b.plan().request_at <= b.now.boot);
}

TEST_CASE("an end with a spread: no save is planned at or after TERM") {
  const auto spread = GENERATE(Duration(0s), Duration(10s), Duration(10min));
  const auto pause = GENERATE(0.2, 8.0, 200.0);
  Learned b;
  b.w.session.end_spread = spread;
  b.w.session.ends_at = *b.w.session.plan_end + 15min;
  b.job().history.saves.assign(8, {pause, 0.2, 1e8});
  b.job().history.relearn();
  for (int i = 0; i < 2000 && b.now.boot < b.end(); ++i) {
    b.tick();
    const auto plan = b.plan();
    CHECK(plan.grace >= 0s);
    CHECK((!plan.request_at || *plan.request_at <= *plan.term_at));
    CHECK((!b.course().next || *b.course().next < *plan.term_at));
    const auto left = b.end() - b.now.boot;
    b.pass(std::max<Duration>(left / 20, 50ms));
  }
}

TEST_CASE("on another storage the copy is estimated by what went there, by any job") {
  Learned b;
  const auto median = [&] { return b.course().plan->prospect().latency.quantile(.5); };
  const auto look = [&](const std::string& storage) {
    b.w.session.storage = storage;
    b.job().history.relearn(storage, prior_of(b.w, b.job()));
    b.tick();
  };
  for (auto& s : b.job().history.saves) {
    s.storage = "ext4, stored";
  }
  look("ext4, stored");
  CHECK(median() == Approx(10).epsilon(.01));
  CHECK(b.course().basis.here == 8);
  // 100 MB at the usual 50 MB/s: 2 s, as it happens.
  look("rclone far, stored");
  CHECK(median() == Approx(10).epsilon(.1));
  CHECK(b.course().basis.here == 0);
  CHECK(b.course().basis.how == saving::Estimate::Basis::prior);
  const auto lead = b.job().history.lead;
  // Another job has shown that it takes 100 MB 100 s.
  b.step(Submitted{"j2", Learned::spec("other")});
  b.job("j2").history.saves.assign(3, {1, 100, 1e8, {}, {}, "rclone far, stored"});
  look("rclone far, stored");
  CHECK(median() == Approx(108).epsilon(.1));
  CHECK(b.job().history.lead > lead + 1min);
  CHECK(*b.course().last < b.end() - 3min);
}

TEST_CASE("a save's sample says what it was copied to, and what of it was the check and the step") {
  Learned b;
  b.w.session.storage = "nfs4, stored";
  for (int i = 0; i < 3; ++i) {
    b.record(journal::Progress{0.1 * i});
    b.pass(10s);
  }
  b.record(journal::Requested{1, false, "USR1", {100}});
  b.pass(4s);
  b.record(journal::Progress{0.9});
  b.pass(3s);
  b.saved("/c/1.pt", "sig");
  b.pass(5s);
  Secured s;
  s.id = "j1";
  s.seq = b.action<Secure>() != nullptr ? b.action<Secure>()->seq : b.job().checkpoints.back().seq;
  s.verified = true;
  s.durable_level = "stored";
  s.durable_path = "/durable/1";
  s.manifest = "/m";
  s.verify_s = 1.5;
  b.step(s);
  const auto& sample = b.job().history.saves.back();
  CHECK(sample.pause == 7);
  CHECK(sample.step == 4);
  CHECK(sample.copy == 5);
  CHECK(sample.verify == 1.5);
  CHECK(sample.transfer() == 3.5);
  CHECK(sample.storage == "nfs4, stored");
}

TEST_CASE("how long an answer is waited for goes by the job alone, not by a slow copy") {
  SaveHistory history;
  history.saves.assign(3, {30, 3600, 1e9});
  CHECK(patience(history) == 2min);
  CHECK(copy_patience(history) > 8h);
}

TEST_CASE("a transient VM is saved early in its life, seldom in its middle, and before its cap") {
  const auto period = [](Duration age) {
    Learned b(24h);
    b.w.session.transient = Transient{{}, {}, b.now.boot - age};
    b.w.session.ends_at = b.now.boot + 24h - age;
    b.w.session.plan_end = *b.w.session.ends_at - 3min;
    b.step(DeathsSeen{{}});
    CHECK(b.course().basis.transient);
    REQUIRE(b.course().next);
    return *b.course().next - b.now.boot;
  };
  CHECK(period(5min) < 25min);
  CHECK(period(12h) > 2h);
  CHECK(period(23h) < 25min);
}

TEST_CASE("the ledger's lives move what is believed of transient VMs") {
  Learned b(24h);
  b.w.session.transient = Transient{{}, {}, b.now.boot};
  Session::Deaths deaths;
  deaths.sessions = 40;
  deaths.lives.assign(40, {12.0 * 3600, false});
  b.step(DeathsSeen{deaths});
  CHECK(b.course().basis.transient->law.share < .15);
  b.step(DeathsSeen{{}});
  CHECK(b.course().basis.transient->law.share > .4);
}

TEST_CASE("a job that saves only at a step's end is asked within the step that ends in time") {
  Learned b(2h);
  for (auto& s : b.job().history.saves) {
    s.step = 4; // of the 8 s to the answer
  }
  b.job().history.relearn();
  b.step(DeathsSeen{{0, 10000h, 800}});
  // Steps of 4 min, told of at their ends.
  for (int i = 1; i <= 20; ++i) {
    b.pass(4min);
    b.record(journal::Progress{i / 100.0});
  }
  REQUIRE(b.course().stepped);
  const auto step_end = *b.course().stepped;
  const auto asks = *b.course().last;
  // In the middle of a step, and the last one whose end leaves time for the 6 s that a save takes.
  const auto steps = std::chrono::duration<double>(asks - step_end) / 4min;
  CHECK(steps - std::floor(steps) == Approx(.5).epsilon(.05));
  const auto saves_at = asks + 2min;
  CHECK(saves_at < b.end() - 30s);
  CHECK(saves_at + 4min > b.end() - 40s);
  REQUIRE(b.course().next);
  CHECK(*b.course().next < asks);
  // It has stopped telling: the rule of any other job holds.
  b.pass(10min);
  b.step(DeathsSeen{{0, 10001h, 801}});
  CHECK(*b.course().last > b.now.boot + 1min);
}

namespace {

/// One that saves only at the end of a step: of the 8 s until it answers, 4 s were the step's rest.
struct Stepping : Learned {
  Stepping() : Learned(2h) {
    for (auto& s : job().history.saves) {
      s.step = 4;
    }
    job().history.relearn();
    step(DeathsSeen{{0, 10000h, 800}});
  }
  void a_step(Duration length = 4min) {
    pass(length);
    record(journal::Progress{++m_steps / 100.0});
  }
  void steps(int n) {
    while (n-- > 0) {
      a_step();
    }
  }

private:
  int m_steps = 0;
};

} // namespace

TEST_CASE("what was asked for its last save is not asked anew because a step is over") {
  Stepping b;
  b.steps(20);
  REQUIRE(b.course().stepped);
  const auto asks = *b.course().last;
  while (b.now.boot + 4min < asks) {
    b.a_step();
  }
  const auto planned = *b.plan().request_at;
  b.pass(planned - b.now.boot);
  b.record(journal::Requested{0, true, "USR1", {100}});
  const auto step_ends = *b.course().stepped + 4min;
  b.pass(step_ends - b.now.boot); // it writes now
  b.record(journal::Progress{0.9});
  CHECK(b.course().last == asks);
  CHECK(b.plan().request_at == planned);
  CHECK_FALSE(b.action<SendPlan>());
  CHECK(std::get<Running>(b.job().state).request);
  CHECK_FALSE(next_save_due(std::get<Running>(b.job().state)));
}

TEST_CASE("steps that differ a little move nothing, one that is late moves the last save") {
  Stepping b;
  b.steps(20);
  REQUIRE(b.course().stepped);
  const auto last = b.course().last, next = b.course().next;
  REQUIRE(last);
  for (const auto length : {4min + 6s, 4min - 9s, 4min + 8s, 4min - 5s}) {
    b.a_step(length);
    CHECK(b.course().last == last);
    CHECK(b.course().next == next);
    CHECK_FALSE(b.action<SendPlan>());
  }
  b.a_step(5min + 50s);
  REQUIRE(b.course().last);
  CHECK(std::chrono::abs(*b.course().last - *last) > 1min);
}
