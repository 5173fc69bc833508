// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/json_parts.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::platform;
using namespace std::chrono_literals;
using json::Json;

namespace {

Json said(Json limit) {
  limit["source"] = "somebody";
  limit["as_of"] = "2026-09-24";
  limit["confidence"] = "medium";
  return limit;
}

template <typename Kind>
Kind read(const Json& limit) {
  const auto rule = read_limit(said(limit), "p.limits[0]");
  INFO((rule ? std::string() : rule.error().text));
  REQUIRE(rule);
  CHECK(rule->confidence == Confidence::medium);
  REQUIRE(std::holds_alternative<Kind>(rule->what));
  return std::get<Kind>(rule->what);
}

std::string error_of(const Json& limit) {
  const auto rule = read_limit(limit, "p.limits[0]");
  return rule ? "none" : rule.error().text;
}

const Json k_window{
    {"type", "window"},
    {"resource", "gpu"},
    {"seconds", 108000},
    {"period", {{"weekly", {{"day", "saturday"}, {"time", "00:00"}, {"zone", "UTC"}}}}},
    {"on_exhausted", "deny_new"}};
const Json k_money{{"type", "money"},
                   {"currency", "CNY"},
                   {"per_hour", {{"gtx_1080_ti", "5"}}},
                   {"quantum_s", 1800},
                   {"rounding", "up"},
                   {"fees",
                    {{{"what", "disk 100 GB"},
                      {"per_day", "2"},
                      {"waived_from", "10"},
                      {"debited_at", "08:00"},
                      {"zone", "Asia/Shanghai"}}}},
                   {"on_exhausted", "unknown"}};

} // namespace

TEST_CASE("every kind of limit is read", "[platform]") {
  const auto session =
      read<SessionCap>({{"type", "session"}, {"seconds", nullptr}, {"ask", "the form"}});
  CHECK_FALSE(session.value);
  CHECK(session.ask == "the form");
  CHECK_FALSE(session.bathtub);
  CHECK(read<SessionCap>({{"type", "session"}, {"seconds", 86400}, {"deaths", "bathtub"}}).bathtub);

  const auto idle = read<IdleCap>({{"type", "idle"},
                                   {"seconds", 1200},
                                   {"alternatives_s", {3600}},
                                   {"counts", {"cell_edit"}},
                                   {"not_counts", {"terminal"}},
                                   {"observable", false}});
  CHECK(idle.value == 20min);
  CHECK(idle.alternatives == std::vector<Duration>{1h});
  CHECK_FALSE(idle.observable);

  const auto window = read<WindowRule>(k_window);
  CHECK(window.amount == 30h);
  CHECK(window.effect == limits::OnExhausted::deny_new);
  CHECK(std::get<Weekly>(window.period).day == limits::Weekday::saturday);

  const auto grants = read<GrantsRule>(
      {{"type", "grants"},
       {"resource", "gpu"},
       {"zone", "Asia/Shanghai"},
       {"order", {"plan", "free"}},
       {"catalog",
        {{{"id", "daily"}, {"seconds", 43200}, {"ttl_s", 172800}, {"every_days", 1}},
         {{"id", "gift"}, {"seconds", nullptr}}}},
       {"on_exhausted", "unknown"}});
  REQUIRE(grants.catalog.size() == 2);
  CHECK(grants.catalog[0].every_days == 1);
  CHECK(grants.catalog[0].ttl == 48h);
  CHECK_FALSE(grants.catalog[1].amount);

  const auto balance = read<BalanceRule>({{"type", "balance"},
                                          {"unit", "ccu"},
                                          {"burn", {{"t4", "1.96"}}},
                                          {"ttl_s", 7776000},
                                          {"on_exhausted", "unknown"}});
  CHECK(balance.burn.at("t4").text() == "1.96");

  const auto money = read<MoneyRule>(k_money);
  CHECK(money.quantum == 30min);
  REQUIRE(money.fees.size() == 1);
  CHECK(money.fees[0].waived_from->text() == "10.00");
  CHECK(money.fees[0].debited_at == limits::TimeOfDay{8, 0});

  CHECK(read<DiskCap>({{"type", "disk"}, {"path", "/storage"}, {"bytes", 5}}).bytes == 5);
  CHECK(read<MemoryCap>({{"type", "memory"}, {"bytes", 17179869184}}).bytes == 17179869184);
  CHECK(read<ConcurrencyCap>({{"type", "concurrency"}, {"count", 2}, {"scope", "account"}}).count ==
        2);
  CHECK(read<PresenceCheck>({{"type", "check"}, {"after_s", 3600}}).after == 1h);
}

TEST_CASE("periods that roll, and that begin on a day of the month", "[platform]") {
  auto j = k_window;
  j["period"] = {{"rolling", {{"seconds", 86400}, {"alternatives_s", {93600}}}}};
  CHECK(std::get<Rolling>(read<WindowRule>(j).period).length == 24h);
  j["period"] = {{"monthly", {{"day", nullptr}, {"time", "23:59"}, {"zone", "UTC"}}}};
  const auto monthly = std::get<Monthly>(read<WindowRule>(j).period);
  CHECK_FALSE(monthly.day);
  CHECK(monthly.at == limits::TimeOfDay{23, 59});
}

TEST_CASE("a limit that is none is an error with its path", "[platform]") {
  const auto with = [](Json j, const char* pointer, const Json& value) {
    j[Json::json_pointer(pointer)] = value;
    return error_of(said(j));
  };
  CHECK(error_of(said({{"type", "patience"}})) == "p.limits[0]: type: is not a kind of limit");
  CHECK(error_of(Json::array()).starts_with("p.limits[0]"));
  CHECK(with(k_window, "/seconds", -1).find("seconds: is not within 1 and a year") !=
        std::string::npos);
  CHECK(with(k_window, "/seconds", 1e12).find("seconds") != std::string::npos);
  CHECK(with(k_window, "/colour", "red").find("colour: is not a known key") != std::string::npos);
  CHECK(with(k_window, "/on_exhausted", "explode").find("on_exhausted") != std::string::npos);
  CHECK(with(k_window, "/period", Json::object()).find("period: is not an object with one of") !=
        std::string::npos);
  CHECK(with(k_window, "/period/weekly/day", "caturday").find("period.weekly: day: is not a day") !=
        std::string::npos);
  for (const auto* time : {"24:00", "8:00", "08:60", "08-00", "::::::", ""}) {
    INFO(time);
    CHECK(with(k_window, "/period/weekly/time", time).find("time: is not a time of day") !=
          std::string::npos);
  }
  CHECK(with(k_money, "/quantum_s", 0).find("quantum_s") != std::string::npos);
  CHECK(with(k_money, "/per_hour/gtx_1080_ti", 5).find("per_hour: is not an amount") !=
        std::string::npos);
  CHECK(with(k_money, "/per_hour", "5").find("per_hour: is not an object") != std::string::npos);
  CHECK(with(k_money, "/fees/0/per_hour", "1").find("fees[0]: per_hour: is needed, or per_day") !=
        std::string::npos);
  CHECK(with({{"type", "disk"}}, "/path", "storage").find("path: does not begin with /") !=
        std::string::npos);
  CHECK(with({{"type", "concurrency"}, {"scope", "x"}}, "/count", 0).find("count") !=
        std::string::npos);
  auto unsigned_rule = said(k_window);
  unsigned_rule.erase("source");
  CHECK(error_of(unsigned_rule).find("source: is missing") != std::string::npos);
}

TEST_CASE("a limit is for those it names", "[platform]") {
  auto j = said(k_window);
  j["variants"] = {"gpu"};
  j["plans"] = {"free"};
  const auto rule = read_limit(j, "p");
  REQUIRE(rule);
  CHECK(rule->applies("gpu", "free"));
  CHECK_FALSE(rule->applies("cpu", "free"));
  CHECK_FALSE(rule->applies("gpu", "pro"));
}

TEST_CASE("a bathtub is the only law of deaths that is known, and needs its cap", "[platform]") {
  CHECK(
      error_of(said({{"type", "session"}, {"seconds", 60}, {"deaths", "often"}})).find("deaths") !=
      std::string::npos);
  CHECK(error_of(said({{"type", "session"}, {"seconds", nullptr}, {"deaths", "bathtub"}}))
            .find("needs seconds") != std::string::npos);
}
