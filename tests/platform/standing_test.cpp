// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/standing.h"
#include "daemon/platform/zones.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::platform;
using test::hours;
using test::profiles;

namespace {

/// Wednesday 2026-11-18 12:00 UTC.
const WallTime k_now = wall_from_ns(1795003200LL * 1'000'000'000);

Known ledger(const std::string& resource, Duration used) {
  Known out;
  out.resource = resource;
  out.session_began = k_now - used;
  out.usage.add({"s1", resource, {k_now - used, k_now}});
  return out;
}

std::vector<Standing> look_at_all(const char* id, const char* variant, const char* plan,
                                  const Known& known) {
  return stand(*find_profile(profiles(), id), variant, plan, known, k_now);
}

/// Those of one kind.
template <typename Rule = WindowRule>
std::vector<Standing> look(const char* id, const char* variant, const char* plan,
                           const Known& known) {
  auto all = look_at_all(id, variant, plan, known);
  std::erase_if(all, [](const Standing& s) { return !std::holds_alternative<Rule>(s.rule->what); });
  return all;
}

Said said(Said::Kind kind, const char* name, WallTime at, Duration span) {
  Said s;
  s.id = fmt::format("{}{}", name, to_ns(at));
  s.kind = kind;
  s.name = name;
  s.at = at;
  s.span = span;
  s.by = "gpujob quota set";
  return s;
}

} // namespace

TEST_CASE("Kaggle's week: what is left, when it begins anew, and that a session goes on",
          "[platform]") {
  const auto found = look("kaggle", "batch", "", ledger("gpu", hours(27)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].horizon.left == hours(3));
  CHECK(found[0].horizon.used == hours(27));
  CHECK(found[0].horizon.runs_out == k_now + hours(3));
  CHECK_FALSE(found[0].ends_session());
  const auto view = standings_view(found);
  CHECK(view[0]["renews_at"] == "2026-11-21T00:00:00.000Z");
  CHECK(view[0]["ends_session_at"].is_null());
  CHECK(view[0]["left_s"] == 3 * 3600);
}

TEST_CASE("more than there was is told as it was, and since when it is used up", "[platform]") {
  const auto found = look("kaggle", "batch", "", ledger("gpu", hours(41)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].horizon.used == hours(41));
  CHECK(found[0].horizon.left == hours(0));
  CHECK(found[0].horizon.runs_out == k_now - hours(11));
  CHECK(found[0].machines == 1);
}

TEST_CASE("a session without a GPU uses none of its quota", "[platform]") {
  const auto found = look("kaggle", "interactive", "", ledger("cpu", hours(5)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].horizon.left == hours(30));
  CHECK_FALSE(found[0].horizon.runs_out);
}

TEST_CASE("Studio Lab ends what runs when its hours are used up", "[platform]") {
  const auto found = look("sagemaker-studio-lab", "gpu", "", ledger("gpu", hours(1)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].ends_session() == k_now + hours(3));
}

TEST_CASE("memory that is short says by what it shows, on a machine without a profile, too") {
  Known known;
  CHECK(look_at_all("generic", "", "", known).empty());
  known.memory = MemorySeen{600, 1000, 0, {}};
  const auto quiet = look_at_all("generic", "", "", known);
  REQUIRE(quiet.size() == 1);
  CHECK(quiet[0].left_text == "400");
  CHECK(quiet[0].note.empty());
  known.memory = MemorySeen{600, 1000, 2, 12.4};
  CHECK(look_at_all("generic", "", "", known)[0].note ==
        "programs waited for it in 12 % of the last 10 s; 2 processes killed for it so far");
  // Where a cap is published there is one line, with the lower of both.
  const auto all = look_at_all("kaggle", "batch", "", known);
  const auto memory = [](const Standing& s) {
    return std::holds_alternative<MemoryCap>(s.rule->what);
  };
  REQUIRE(std::ranges::count_if(all, memory) == 1);
  CHECK(std::ranges::find_if(all, memory)->amount_text == "1000");
}

TEST_CASE("what only the user knows is unknown, and says so", "[platform]") {
  const auto found = look("floydhub", "", "", ledger("gpu", hours(1)));
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].horizon.left);
  CHECK_FALSE(found[0].note.empty());
  CHECK(standings_view(found)[0]["left_s"].is_null());
}

TEST_CASE("a time zone that does not exist is an error that names it", "[platform]") {
  const auto zone = load_zone("Mars/Olympus\n");
  REQUIRE_FALSE(zone);
  CHECK(zone.error().text.starts_with("time zone: Mars/Olympus"));
  CHECK(zone.error().text.find('\n') == std::string::npos);
  CHECK(load_zone("UTC"));
}

TEST_CASE("every time zone that a profile names is known", "[platform]") {
  for (const auto& p : profiles()) {
    for (const auto& rule : p.limits) {
      INFO(p.id);
      if (const auto* w = std::get_if<WindowRule>(&rule.what)) {
        if (const auto* weekly = std::get_if<Weekly>(&w->period)) {
          CHECK(load_zone(weekly->zone));
        }
        if (const auto* monthly = std::get_if<Monthly>(&w->period)) {
          CHECK(load_zone(monthly->zone));
        }
      }
      if (const auto* g = std::get_if<GrantsRule>(&rule.what)) {
        CHECK(load_zone(g->zone));
      }
      if (const auto* m = std::get_if<MoneyRule>(&rule.what)) {
        for (const auto& fee : m->fees) {
          CHECK((fee.zone.empty() || load_zone(fee.zone)));
        }
      }
    }
  }
}

TEST_CASE("what the platform says is left outweighs what was counted, and the difference is told",
          "[platform]") {
  auto known = ledger("gpu", hours(5));
  known.said = {said(Said::Kind::left, "gpu", k_now - hours(2), hours(20))};
  const auto found = look("kaggle", "batch", "", known);
  CHECK(found[0].horizon.left == hours(18)); // two hours were used since
  CHECK(found[0].horizon.used == hours(12));
  CHECK(found[0].stated == "gpujob quota set said so 2h 00m ago: 7h 00m more used than was "
                           "counted here");
}

TEST_CASE("what was said last week says nothing of this one", "[platform]") {
  auto known = ledger("gpu", hours(5));
  known.said = {said(Said::Kind::left, "gpu", k_now - hours(7 * 24), hours(1))};
  CHECK(look("kaggle", "batch", "", known)[0].horizon.left == hours(25));
}

TEST_CASE("of two words the later counts, and its own reset and total", "[platform]") {
  auto known = ledger("gpu", hours(0));
  auto theirs = said(Said::Kind::left, "gpu", k_now, hours(31));
  theirs.total = hours(45);
  theirs.renews = k_now + hours(3);
  known.said = {theirs, said(Said::Kind::left, "gpu", k_now - hours(1), hours(2))};
  const auto found = look("kaggle", "batch", "", known);
  CHECK(found[0].amount == hours(45));
  CHECK(found[0].horizon.left == hours(31));
  CHECK(found[0].horizon.used == hours(14));
  CHECK(found[0].horizon.renews == k_now + hours(3));
}

TEST_CASE("use that happened elsewhere is added once however often it is heard of", "[platform]") {
  auto known = ledger("gpu", hours(1));
  const auto elsewhere = said(Said::Kind::use, "gpu", k_now - hours(10), hours(4));
  known.said = {elsewhere, elsewhere};
  const auto found = look("kaggle", "batch", "", known);
  CHECK(found[0].horizon.used == hours(5));
  CHECK(found[0].machines == 1); // whose it was nobody said
}

TEST_CASE("hours that were given are spent and expire, those earned by use are added",
          "[platform]") {
  auto known = ledger("gpu", hours(2));
  CHECK_FALSE(look<GrantsRule>("aistudio", "", "", known)[0].ends_session());
  known.said = {said(Said::Kind::grant, "application", k_now - hours(48), hours(48))};
  const auto found = look<GrantsRule>("aistudio", "", "", known);
  // 48 h of the application and 12 h for today's run, less two.
  CHECK(found[0].horizon.left == hours(58));
  CHECK(found[0].ends_session() == k_now + hours(58));
}

TEST_CASE("a balance lasts by what this machine burns, and is unknown until somebody says it",
          "[platform]") {
  auto known = ledger("gpu", hours(1));
  known.machine = "t4";
  auto found = look<BalanceRule>("colab", "", "pro_plus", known);
  REQUIRE(found.size() == 1);
  CHECK(found[0].used_text == "1.96");
  CHECK_FALSE(found[0].horizon.left);
  Said s = said(Said::Kind::balance, "ccu", k_now, {});
  s.amount = *limits::Amount::parse("19.6");
  known.said = {s};
  found = look<BalanceRule>("colab", "", "pro_plus", known);
  CHECK(found[0].left_text == "19.60");
  CHECK(found[0].ends_session() == k_now + hours(10));
}

TEST_CASE("money is counted by begun quanta, and a price nobody knows is said to be unknown",
          "[platform]") {
  auto known = ledger("gpu", std::chrono::minutes{31});
  known.machine = "gpu_1080ti";
  CHECK(look<MoneyRule>("easyaiforum", "", "", known)[0].used_text == "5.00");
  known.machine = "b200";
  const auto found = look<MoneyRule>("easyaiforum", "", "", known);
  CHECK(found[0].used_text.empty());
  CHECK(found[0].note.find("what this machine (b200) costs is not known") == 0);
}

TEST_CASE("idleness is what was seen, and a cap that cannot be seen from inside says so",
          "[platform]") {
  auto known = ledger("gpu", hours(1));
  known.idle.since = std::chrono::minutes{15};
  const auto kaggle = look<IdleCap>("kaggle", "interactive", "", known);
  CHECK(kaggle[0].horizon.left == std::chrono::minutes{5});
  CHECK_FALSE(kaggle[0].ends_session()); // saving is planned to it, no end
  const auto aistudio = look<IdleCap>("aistudio", "", "", known);
  CHECK_FALSE(aistudio[0].horizon.left);
  CHECK(aistudio[0].note == "what counts as activity there cannot be seen from inside");
}

TEST_CASE("what lies on a disk counts against its cap, and against what is free", "[platform]") {
  auto known = ledger("gpu", hours(1));
  known.disks = {{"/kaggle/working", 5'000'000'000, 20, 3'000'000'000, true}};
  const auto found = look<DiskCap>("kaggle", "batch", "", known);
  REQUIRE(found.size() == 2);
  CHECK(found[0].used_text == "5000000000");
  CHECK(found[0].left_text == "3000000000");
  CHECK(found[1].left_text == "480");
}

TEST_CASE("what was said comes back from its file as it was", "[platform]") {
  auto s = said(Said::Kind::left, "gpu", k_now, hours(3));
  s.platform = "kaggle";
  s.total = hours(30);
  s.renews = k_now + hours(9);
  CHECK(*said_from_json(to_json(s)) == s);
  auto b = said(Said::Kind::balance, "USD", k_now, {});
  b.amount = *limits::Amount::parse("12.5");
  CHECK(*said_from_json(to_json(b)) == b);
  auto broken = to_json(s);
  broken["kind"] = "dream";
  CHECK_FALSE(said_from_json(broken));
}
