// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/quotas.h"
#include "daemon/platform/zones.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::platform;
using test::hours;
using test::profiles;

namespace {

/// Wednesday 2026-11-18 12:00 UTC.
const WallTime k_now = wall_from_ns(1795003200LL * 1'000'000'000);

Ledger ledger(const std::string& resource, Duration used) {
  Ledger out;
  out.resource = resource;
  out.usage.add({"s1", resource, {k_now - used, k_now}});
  return out;
}

std::vector<Quota> look(const char* id, const char* variant, const char* plan, const Ledger& l) {
  return look_at_quotas(*find_profile(profiles(), id), variant, plan, l, k_now);
}

} // namespace

TEST_CASE("Kaggle's week: what is left, when it begins anew, and that a session goes on",
          "[platform]") {
  const auto found = look("kaggle", "batch", "", ledger("gpu", hours(27)));
  REQUIRE(found.size() == 1);
  CHECK(found[0].horizon.left == hours(3));
  CHECK(found[0].horizon.used == hours(27));
  CHECK(found[0].horizon.runs_out == k_now + hours(3));
  CHECK_FALSE(found[0].horizon.ends_session());
  const auto view = quotas_view(found);
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
  CHECK(found[0].horizon.ends_session() == k_now + hours(3));
}

TEST_CASE("what only the user knows is unknown, and says so", "[platform]") {
  const auto found = look("floydhub", "", "", ledger("gpu", hours(1)));
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].horizon.left);
  CHECK_FALSE(found[0].note.empty());
  CHECK(quotas_view(found)[0]["left_s"].is_null());
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
