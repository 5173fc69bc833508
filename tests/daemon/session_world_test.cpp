// SPDX-License-Identifier: Apache-2.0
#include "daemon/session_world.h"
#include "tests/support/catch.h"

#include <chrono>

using namespace gpujob;
using namespace std::chrono_literals;

namespace {

const Now k_now{BootTime{5h}, wall_from_ns(1'795'003'200'000'000'000)};

struct Scene {
  platform::LimitRule rule;
  policy::Session session;
  platform::SessionSettings settings;

  Scene() {
    settings.start.boot = k_now.boot - 1h;
    platform::WindowRule window;
    window.resource = "gpu";
    rule.what = window;
    session.ends_at = k_now.boot + 4h;
    session.plan_end = k_now.boot + 4h - 10min;
  }

  /// A quota that runs out so much later.
  std::string plan(Duration later, limits::OnExhausted effect = limits::OnExhausted::kill_now) {
    platform::Quota q;
    q.rule = &rule;
    q.horizon.left = later;
    q.horizon.runs_out = k_now.wall + later;
    q.horizon.effect = effect;
    return plan_to_quota(session, {q}, settings, 10min, k_now);
  }
};

} // namespace

TEST_CASE("a quota that ends the session before its limit is planned to, and said") {
  Scene s;
  CHECK(s.plan(3h).find("the gpu quota ends this session") == 0);
  CHECK(s.session.ends_at == k_now.boot + 3h);
  CHECK(s.session.plan_end == k_now.boot + 3h - 10min);
}

TEST_CASE(
    "the margin before a quota's end is no more than a tenth of the session, whenever asked") {
  Scene s;
  (void)s.plan(20min); // after an hour
  CHECK(s.session.plan_end == k_now.boot + 12min);
}

TEST_CASE("a quota is what is planned to where the session's own end is not known") {
  Scene s;
  s.session.ends_at.reset();
  s.session.plan_end.reset();
  (void)s.plan(3h, limits::OnExhausted::unknown);
  CHECK(s.session.ends_at == k_now.boot + 3h);
}

TEST_CASE("one that ends later, or lets a session go on, changes nothing") {
  Scene s;
  CHECK(s.plan(5h).empty());
  CHECK(s.plan(1h, limits::OnExhausted::deny_new).empty());
  CHECK(plan_to_quota(s.session, {}, s.settings, 10min, k_now).empty());
  CHECK(s.session.ends_at == k_now.boot + 4h);
}

TEST_CASE("one that by our count has ended the session already does not know all") {
  Scene s;
  CHECK(s.plan(0s).find("and yet this session lives") != std::string::npos);
  CHECK(s.session.ends_at == k_now.boot + 4h);
}

TEST_CASE("a ledger is of this platform only, and this session is in it until now") {
  platform::SessionSettings settings;
  settings.id = "mine";
  settings.platform = "kaggle";
  settings.start.boot = k_now.boot - 1h;
  const limits::Span before{k_now.wall - 10h, k_now.wall - 8h};
  const auto ledger = make_ledger(settings, "gpu", "vm1",
                                  {{"kaggle", {"vm2", "gpu", before}},
                                   {"colab", {"vm3", "gpu", before}},
                                   {"kaggle", {"vm4", "tpu", before}},
                                   // This very machine, of a session whose start was corrected.
                                   {"kaggle", {"vm1", "gpu", {k_now.wall - 30min, k_now.wall}}}},
                                  k_now);
  const limits::Span all{k_now.wall - 100h, k_now.wall + 1h};
  CHECK(ledger.usage.within("gpu", all) == 3h);
  CHECK(ledger.usage.within("tpu", all) == 2h);
}
