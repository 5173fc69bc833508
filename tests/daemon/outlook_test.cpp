// SPDX-License-Identifier: Apache-2.0
#include "daemon/outlook.h"
#include "tests/support/catch.h"

#include <chrono>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace std::chrono_literals;

namespace {

constexpr BootTime k_began{4h};
const WallTime k_began_wall = wall_from_ns(1'795'003'200'000'000'000);

/// A session that has lived for an hour of its five, on a platform with one quota.
struct Scene {
  Outlook::Parts parts;
  Now now{k_began + 1h, k_began_wall + 1h};

  Scene() {
    parts.settings.platform = "p";
    parts.settings.start.boot = k_began;
    parts.settings.limit = platform::SessionLimit{5h, {}, "", "", {}};
    parts.settings.margin = 10min;
    parts.profile.id = "p";
    parts.profile.margin = 10min;
    parts.resource = "gpu";
    parts.vm_id = "vm1";
  }

  platform::LimitRule& add(auto what) {
    platform::LimitRule rule;
    rule.what = std::move(what);
    parts.profile.limits.push_back(std::move(rule));
    return parts.profile.limits.back();
  }
  /// So many hours of each 24.
  void quota(Duration amount, limits::OnExhausted effect = limits::OnExhausted::kill_now) {
    platform::WindowRule w;
    w.resource = "gpu";
    w.amount = amount;
    w.period = platform::Rolling{24h, {}};
    w.effect = effect;
    add(w);
  }
  void idle(Duration cap, std::vector<Duration> alternatives = {}) {
    platform::IdleCap c;
    c.value = cap;
    c.alternatives = std::move(alternatives);
    c.counts = {"kernel_busy", "kernel_execution"};
    add(c);
  }
  void pass(Duration d) {
    now.boot += d;
    now.wall += d;
  }
  [[nodiscard]] Outlook outlook() const { return Outlook(parts); }
};

platform::Activity quiet_since(WallTime last) {
  platform::Activity a;
  a.answered = 1;
  a.seen.kernels = 1;
  a.seen.kernel_last = last;
  return a;
}

} // namespace

TEST_CASE("without anything else the session's own limit ends it") {
  Scene s;
  const auto end = s.outlook().end(s.now);
  CHECK(end.ends_at == k_began + 5h);
  CHECK(end.plan_end == k_began + 5h - 10min);
  CHECK(end.why.empty());
  CHECK(end.by.empty());
}

TEST_CASE("a quota that ends the session before its limit is planned to, and said") {
  Scene s;
  s.quota(4h);
  const auto end = s.outlook().end(s.now);
  CHECK(end.ends_at == k_began + 4h);
  CHECK(end.plan_end == k_began + 4h - 10min);
  CHECK(end.why.find("the gpu quota ends this session") == 0);
  CHECK(end.by == "the gpu quota");
  CHECK(s.outlook().view(s.now, "")["session"]["ends_by"] == "quota");
  CHECK(s.outlook().view(s.now, "")["limits"][0]["binds"] == true);
}

TEST_CASE("the margin before a quota's end is no more than a tenth of the session") {
  Scene s;
  s.quota(80min);
  CHECK(s.outlook().end(s.now).plan_end == k_began + 72min);
}

TEST_CASE("a quota is what is planned to where the session's own end is not known") {
  Scene s;
  s.parts.settings.limit.reset();
  s.quota(3h, limits::OnExhausted::unknown);
  CHECK(s.outlook().end(s.now).ends_at == k_began + 3h);
}

TEST_CASE("one that ends later, or lets a session go on, changes nothing") {
  Scene s;
  s.quota(6h);
  s.quota(2h, limits::OnExhausted::deny_new);
  CHECK(s.outlook().end(s.now).ends_at == k_began + 5h);
}

TEST_CASE("one that by our count has ended the session already does not know all") {
  Scene s;
  s.quota(1h);
  CHECK(s.outlook().end(s.now).ends_at == k_began + 5h);
  CHECK(s.outlook().start_note(s.now).find("and yet this session lives") != std::string::npos);
}

TEST_CASE("what is said of a quota moves the end, and what is said twice counts once") {
  Scene s;
  s.quota(4h);
  auto o = s.outlook();
  platform::Said left;
  left.id = "1";
  left.platform = "p";
  left.kind = platform::Said::Kind::left;
  left.name = "gpu";
  left.at = s.now.wall;
  left.span = 30min;
  o.take_said({left, left});
  CHECK(o.end(s.now).ends_at == s.now.boot + 30min);
  left.id = "2";
  left.platform = "elsewhere";
  left.span = 1min;
  o.take_said({left});
  CHECK(o.end(s.now).ends_at == s.now.boot + 30min);
}

TEST_CASE("other machines of this platform use the quota, those of others do not") {
  Scene s;
  s.quota(4h);
  auto o = s.outlook();
  const limits::Span now{s.now.wall - 30min, s.now.wall};
  o.take_uses({{"p", {"vm2", "gpu", now}, true, {}},
               {"q", {"vm3", "gpu", now}, true, {}},
               {"p", {"vm4", "tpu", now}, true, {}},
               // This very machine, of a session whose start was corrected.
               {"p", {"vm1", "gpu", now}, true, {}}});
  CHECK(o.end(s.now).ends_at == k_began + 4h - 30min);
}

namespace {

platform::EndNotice stated(WallTime at) {
  return {at, "EC2 takes this spot instance back (terminate)", true};
}
constexpr auto k_asked = Outlook::NoticeFrom::asked;

} // namespace

TEST_CASE("a notice is what is planned to, and who is asked may change or withdraw it") {
  Scene s;
  auto o = s.outlook();
  o.take_notice(k_asked, stated(s.now.wall + 2min), s.now);
  auto end = o.end(s.now);
  CHECK(end.ends_at == s.now.boot + 2min);
  CHECK(end.plan_end == s.now.boot + 2min - 5s);
  CHECK(end.noticed == s.now.boot);
  CHECK(o.view(s.now, "")["session"]["ends_by"] == "notice");
  const auto noticed = s.now.boot;
  s.pass(10s);
  o.take_notice(k_asked, stated(s.now.wall + 30min), s.now);
  end = o.end(s.now);
  CHECK(end.ends_at == s.now.boot + 30min);
  CHECK(end.noticed == noticed);
  o.take_notice(k_asked, std::nullopt, s.now);
  CHECK(o.end(s.now).ends_at == k_began + 5h);
}

TEST_CASE("a notice without a time counts from when it was first heard") {
  Scene s;
  auto o = s.outlook();
  const auto first = s.now.boot + 30s;
  for (int i = 0; i < 3; ++i) {
    o.take_notice(k_asked, platform::EndNotice{s.now.wall + 30s, "preempted", false}, s.now);
    CHECK(o.end(s.now).ends_at == first);
    CHECK(o.end(s.now).by == "a notice: preempted");
    s.pass(5s);
  }
}

TEST_CASE("what was told is not withdrawn by who is asked, and what is outlived no longer counts") {
  Scene s;
  auto o = s.outlook();
  o.take_notice(Outlook::NoticeFrom::told, stated(s.now.wall + 30s), s.now);
  o.take_notice(k_asked, std::nullopt, s.now);
  CHECK(o.end(s.now).ends_at == s.now.boot + 30s);
  s.pass(2min);
  CHECK(o.end(s.now).ends_at == k_began + 5h);
}

TEST_CASE("a notice never puts the planned end off") {
  Scene s;
  s.pass(3h + 52min); // eight minutes left, the margin is ten
  auto o = s.outlook();
  o.take_notice(k_asked, stated(s.now.wall + 7min), s.now);
  CHECK(o.end(s.now).plan_end == k_began + 5h - 10min);
}

TEST_CASE("a daemon that comes after this one knows of the notice") {
  Scene s;
  auto o = s.outlook();
  o.take_notice(k_asked, stated(s.now.wall + 2min), s.now);
  auto next = s.outlook();
  next.restore_notices(nlohmann::json::parse(o.notices().dump()));
  CHECK(next.end(s.now).ends_at == s.now.boot + 2min);
  CHECK(next.end(s.now).noticed == s.now.boot);
  next.restore_notices({{"told", {{"at_ns", "soon"}}}});
  CHECK(next.end(s.now).ends_at == s.now.boot + 2min);
}

TEST_CASE("one limit that is over by our count does not hide the next one") {
  Scene s;
  s.quota(1h);
  s.quota(3h);
  CHECK(s.outlook().end(s.now).ends_at == k_began + 3h);
}

TEST_CASE("while something that counts goes on there is no idle end") {
  Scene s;
  s.idle(20min);
  auto o = s.outlook();
  auto busy = quiet_since(s.now.wall - 5min);
  busy.seen.busy_kernels = 1;
  o.take_activity(busy, 1min, s.now);
  CHECK_FALSE(o.idle_end(s.now));
  CHECK(o.view(s.now, "")["limits"][0]["used_s"] == 0);
  s.pass(1min);
  o.take_activity(quiet_since(s.now.wall - 30s), 1min, s.now);
  CHECK(o.idle_end(s.now) == s.now.boot - 30s + 20min);
}

TEST_CASE("idleness is expected at the lowest cap, then at the next one that is told of") {
  Scene s;
  s.idle(20min, {60min});
  auto o = s.outlook();
  CHECK_FALSE(o.idle_end(s.now));
  o.take_activity(quiet_since(s.now.wall - 5min), 1min, s.now);
  CHECK(o.idle_end(s.now) == s.now.boot + 15min);
  CHECK(o.end(s.now).ends_at == k_began + 5h); // no end of its own
  const auto quiet = s.now.boot - 5min;
  s.pass(16min);
  CHECK(o.idle_end(s.now) == quiet + 60min);
  s.pass(60min);
  CHECK_FALSE(o.idle_end(s.now));
}

TEST_CASE("a server that never answered makes nobody idle, and says why") {
  Scene s;
  s.idle(20min);
  auto o = s.outlook();
  platform::Activity none;
  none.evidence = {"Jupyter at http://127.0.0.1:1/: refused"};
  o.take_activity(none, 1min, s.now);
  CHECK_FALSE(o.idle_end(s.now));
  const auto limit = o.view(s.now, "")["limits"][0];
  CHECK(limit["left_s"].is_null());
  CHECK(limit["note"].get<std::string>().find("no Jupyter server answers") == 0);
}

TEST_CASE("one look that is not answered undoes none before it") {
  Scene s;
  s.idle(20min);
  auto o = s.outlook();
  o.take_activity(quiet_since(s.now.wall - 5min), 1min, s.now);
  const auto end = o.idle_end(s.now);
  o.take_activity(Error{Errc::io, "helper: no answer"}, 1min, s.now);
  CHECK(o.idle_end(s.now) == end);
  CHECK(o.view(s.now, "")["limits"][0]["note"] == "helper: no answer");
}

TEST_CASE("where nobody knows what counts nothing is said of idleness") {
  Scene s;
  s.idle(20min);
  std::get<platform::IdleCap>(s.parts.profile.limits[0].what).counts.clear();
  auto o = s.outlook();
  o.take_activity(quiet_since(s.now.wall - 5min), 1min, s.now);
  CHECK_FALSE(o.idle_end(s.now));
  CHECK(o.view(s.now, "")["limits"][0]["left_s"].is_null());
}

TEST_CASE("units that are used up end nothing that lives") {
  Scene s;
  platform::BalanceRule ccu;
  ccu.unit = "ccu";
  ccu.burn = {{"any", *limits::Amount::parse("1")}};
  ccu.effect = limits::OnExhausted::kill_now;
  s.add(ccu);
  auto o = s.outlook();
  platform::Said none;
  none.id = "1";
  none.platform = "p";
  none.kind = platform::Said::Kind::balance;
  none.name = "ccu";
  none.at = s.now.wall;
  o.take_said({none});
  CHECK(o.end(s.now).ends_at == k_began + 5h);
}

TEST_CASE("a notice that leaves nothing leaves a moment to save, and a new one counts from now") {
  Scene s;
  auto o = s.outlook();
  o.take_notice(Outlook::NoticeFrom::told, stated(s.now.wall), s.now);
  CHECK(o.end(s.now).ends_at == s.now.boot + 10s);
  CHECK(o.end(s.now).plan_end == s.now.boot + 9s);
  s.pass(90min);
  o.take_notice(Outlook::NoticeFrom::told, stated(s.now.wall + 15s), s.now);
  CHECK(o.end(s.now).noticed == s.now.boot);
  CHECK(o.end(s.now).ends_at == s.now.boot + 15s);
}

TEST_CASE("a notice that is heard again is no news") {
  Scene s;
  auto o = s.outlook();
  o.take_notice(k_asked, stated(s.now.wall + 2min), s.now);
  const auto before = o.notices();
  s.now.boot += 5s;
  s.now.wall += 5s + 3us; // two clocks
  o.take_notice(k_asked, stated(s.now.wall + 2min - 5s), s.now);
  CHECK(o.notices() == before);
}

TEST_CASE("a machine that died without a word is marked so, one that said that it ended is not") {
  Scene s;
  s.quota(20h);
  auto o = s.outlook();
  const auto at = [&](Duration ago) {
    return limits::Span{s.now.wall - ago - 10min, s.now.wall - ago};
  };
  o.take_uses({{"p", {"died", "gpu", at(20min)}, false, {}},
               {"p", {"ended", "gpu", at(30min)}, true, {}},
               {"p", {"lives", "gpu", at(10s)}, false, {}}});
  const auto limit = o.view(s.now, "")["limits"][0];
  CHECK(limit["machines"] == 4);
  CHECK(limit["silent_machines"] == 1);
}
