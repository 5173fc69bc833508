// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/fixture.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace gpujob;
using namespace gpujob::test;

namespace {

JobSpec with_command() {
  auto s = Bench::spec();
  s.checkpoint_cmd = "save";
  return s;
}

bool told(const Bench& b, const std::string& part) {
  return std::any_of(b.w.announcements.begin(), b.w.announcements.end(),
                     [&](const auto& a) { return a.text.find(part) != std::string::npos; });
}

/// An acknowledgement without a path; `found`: what is newly complete.
void acknowledged(Bench& b, const std::string& found, const std::string& signature) {
  journal::Record r{++b.seq, b.now.boot, b.now.wall, journal::Checkpoint{"command", "", {}}};
  b.step(ShimRecord{"j1", 1, std::move(r), signature, found});
}

} // namespace

TEST_CASE("a job with a route is not told that it catches nothing, and is asked at a stop") {
  Bench b;
  b.session(1h);
  b.run(with_command());
  CHECK(std::get<Running>(b.job().state).catches == "command");
  b.pass(20s);
  b.tick();
  CHECK_FALSE(told(b, "catches no checkpoint signal"));
  b.step(StopAsked{"j1"});
  REQUIRE(b.action<SendPlan>());
  CHECK(b.action<SendPlan>()->plan.request_at == b.now.boot);

  Bench none;
  none.session(1h);
  none.run();
  none.pass(20s);
  none.tick();
  CHECK(told(none, "--checkpoint-cmd CMD"));
  CHECK(told(none, "--checkpoint-copy PATH"));
}

TEST_CASE("a route that fails closes a request that nobody else can answer, with the reason") {
  Bench b;
  b.run(with_command());
  b.step(CheckpointAsked{"j1"});
  b.record(journal::Requested{1, false, "", {}});
  CHECK(told(b, "requested by the checkpoint command"));
  b.record(journal::RouteFailed{"command", "exit 3"});
  CHECK(told(b, "checkpoint command: exit 3"));
  REQUIRE(b.job().checkpoints.size() == 1);
  CHECK(b.job().checkpoints[0].state == CheckpointState::unconfirmed);
  CHECK(b.job().checkpoints[0].note == "checkpoint command: exit 3");
}

TEST_CASE("a route that fails leaves a request open that was also sent as a signal, or is final") {
  const bool final = GENERATE(false, true);
  Bench b;
  b.run(with_command());
  b.record(journal::Requested{1, final, final ? "" : "USR1", {}});
  b.record(journal::RouteFailed{"command", "exit 3"});
  CHECK(b.job().checkpoints.empty());
  b.save("/c/1.pt");
  CHECK(b.job().checkpoints[0].state == CheckpointState::verified);
}

TEST_CASE("of two routes the one that fails leaves the request to the other") {
  Bench b;
  auto s = with_command();
  s.checkpoint_copy = {"/w/model.h5"};
  b.run(s);
  b.record(journal::Requested{1, false, "", {}});
  b.record(journal::RouteFailed{"command", "exit 3"});
  CHECK(b.job().checkpoints.empty());
  b.saved("/c/copy-1-1", "sig1");
  REQUIRE(b.job().checkpoints.size() == 1);
  CHECK(std::get<Running>(b.job().state).request->answer == 1);
}

TEST_CASE("an acknowledgement without a path confirms only what is new in this attempt") {
  Bench b;
  b.run(with_command());
  b.step(BaselineTaken{"j1", 1, {"old"}});
  b.record(journal::Requested{1, false, "", {}});
  acknowledged(b, "/c/old.pt", "old");
  CHECK(b.job().checkpoints.empty());
  CHECK(told(b, "unconfirmed so far"));
  acknowledged(b, "/c/new.pt", "new");
  REQUIRE(b.job().checkpoints.size() == 1);
  CHECK(b.job().checkpoints[0].how == "command");
}

TEST_CASE("a recipe says what the job does after a save") {
  Bench b;
  b.run();
  CHECK_FALSE(contract_of(b.job()));
  b.record(journal::Recipe{"plain", "", false});
  CHECK(contract_of(b.job()) == Contract::continues);
  b.record(journal::Recipe{"megatron", "--exit-signal-handler", true});
  CHECK(contract_of(b.job()) == Contract::exits);
  CHECK(told(b, "recipe megatron"));
}

TEST_CASE("a job that ends right after it has saved and was to go on exits after saves") {
  const auto after = [](Duration age, int code, bool answered) {
    Bench b;
    b.run();
    b.record(journal::Requested{1, false, "USR1", {100}});
    if (answered) {
      b.save("/c/1.pt");
    }
    b.pass(age);
    b.gone(b.exit_record(code));
    return b.job().seen_to_exit;
  };
  CHECK(after(5s, 85, true));
  CHECK_FALSE(after(5s, 85, false));
  CHECK_FALSE(after(91s, 85, true)); // it went on
  CHECK_FALSE(after(5s, 1, true));   // it failed
}

TEST_CASE("handlers that came after the first look are shown") {
  Bench b;
  b.run();
  b.record(journal::Catches{"TERM", 100});
  b.record(journal::Requested{1, false, "USR1", {100}});
  CHECK(std::get<Running>(b.job().state).catches == "USR1");
}
