// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/user_profiles.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::platform;
using namespace std::chrono_literals;
using json::Json;

namespace {

struct UserDir {
  test::TempDir dir;

  void file(const std::string& name, const std::string& text) const {
    std::ofstream(dir.path() + "/" + name) << text;
  }
  [[nodiscard]] Profile profile(const char* id) const {
    const auto all = load_profiles(dir.path());
    REQUIRE(all);
    REQUIRE(find_profile(*all, id) != nullptr);
    return *find_profile(*all, id);
  }
  [[nodiscard]] std::string error() const {
    const auto all = load_profiles(dir.path());
    return all ? "none" : all.error().text;
  }
  std::string set(const char* id, const std::map<std::string, std::string>& values) const {
    const auto done = set_user_values(dir.path(), profile(id), values);
    return done ? "" : done.error().text;
  }
};

template <typename Rule>
const LimitRule& rule_of(const Profile& p, const char* plan = "", const char* variant = "") {
  for (const auto& rule : p.limits) {
    if (std::holds_alternative<Rule>(rule.what) && rule.applies(variant, plan)) {
      return rule;
    }
  }
  FAIL("no such limit");
  return p.limits.front();
}

} // namespace

TEST_CASE("a user's profile overrides field by field, and says that it does", "[platform]") {
  const UserDir user;
  user.file("kaggle.json", R"({"margin_s": 600, "limits": [
      {"type": "window", "resource": "gpu", "seconds": 162000},
      {"type": "idle", "seconds": 2400, "alternatives_s": []}]})");
  const auto p = user.profile("kaggle");
  CHECK(p.margin == 10min);
  CHECK(p.title == "Kaggle Notebooks");
  const auto& gpu = rule_of<WindowRule>(p, "", "batch");
  CHECK(std::get<WindowRule>(gpu.what).amount == 45h);
  CHECK(std::holds_alternative<Weekly>(std::get<WindowRule>(gpu.what).period));
  CHECK(gpu.source == user.dir.path() + "/kaggle.json");
  CHECK(gpu.confidence == Confidence::high);
  CHECK(std::get<WindowRule>(rule_of<WindowRule>(p, "", "tpu").what).amount == 20h);
  CHECK(std::get<IdleCap>(rule_of<IdleCap>(p, "", "interactive").what).value == 40min);
}

TEST_CASE("a limit that names a plan overrides that one only", "[platform]") {
  const UserDir user;
  user.file("colab.json",
            R"({"limits": [{"type": "session", "plans": ["pro"], "seconds": 36000}]})");
  const auto p = user.profile("colab");
  CHECK(std::get<SessionCap>(session_limit_of(p, "", "pro")->what).value == 10h);
  CHECK(std::get<SessionCap>(session_limit_of(p, "", "free")->what).value == 12h);
}

TEST_CASE("a profile of one's own stands beside the built-in ones", "[platform]") {
  const UserDir user;
  user.file("lab.json", R"({"id": "lab", "title": "our lab", "priority": 5, "as_of": "2026-11-21",
      "detect": {"any": [{"env": "OUR_LAB"}]}, "durable": {"write": [], "read": []},
      "limits": [{"type": "session", "seconds": 3600}],
      "notice": {"kind": "none", "grace_s": 0, "source": "me", "as_of": "2026-11-21",
                 "confidence": "high"}})");
  CHECK(std::get<SessionCap>(session_limit_of(user.profile("lab"), "", "")->what).value == 1h);
}

TEST_CASE("what is wrong with a user's profile is said with its file and key", "[platform]") {
  const auto error = [](const char* name, const char* text) {
    const UserDir user;
    user.file(name, text);
    auto said = user.error();
    const auto at = said.find(user.dir.path());
    return at == std::string::npos ? said : said.erase(at, user.dir.path().size() + 1);
  };
  CHECK(error("kaggle.json", "{") == "kaggle.json: not JSON");
  CHECK(error("kaggle.json", "[]") == "kaggle.json: is not a JSON object");
  CHECK(error("kaggle.json", R"({"limits": [{"seconds": 1}]})") ==
        "kaggle.json: limits[0]: has no type");
  CHECK(error("kaggle.json", R"({"limit": []})").find("kaggle.json: limit: is not a known key") !=
        std::string::npos);
  CHECK(error("kaggle.json", R"({"limits": [{"type": "session", "seconds": -5}]})")
            .find("seconds: is not within 1 and a year") != std::string::npos);
  CHECK(error("kaggle.json", R"({"limits": [{"type": "session", "sekunden": 5}]})")
            .find("sekunden: is not a known key") != std::string::npos);
  CHECK(error("kaggle.json", R"({"limits": [{"type": "idle", "variants": ["fast"], "seconds": 5,
      "counts": []}]})")
            .find("names one that does not exist") != std::string::npos);
  CHECK(error("new.json", R"({"id": "new"})") != "none");
  CHECK(error("notes.txt", "hello") == "none");
}

TEST_CASE("limits set writes what load reads, and default takes it back", "[platform]") {
  const UserDir user;
  CHECK(user.set("colab",
                 {{"session", "9h"}, {"plan", "pro"}, {"idle", "45m"}, {"margin", "5m"}}) == "");
  auto p = user.profile("colab");
  CHECK(p.default_plan == "pro");
  CHECK(p.margin == 5min);
  CHECK(std::get<SessionCap>(session_limit_of(p, "", "pro")->what).value == 9h);
  CHECK(std::get<IdleCap>(rule_of<IdleCap>(p, "pro").what).value == 45min);
  CHECK(user.set("colab", {{"session", "default"}, {"plan", "default"}}) == "");
  p = user.profile("colab");
  CHECK(p.default_plan == "free");
  CHECK(std::get<SessionCap>(session_limit_of(p, "", "pro")->what).value == 24h);
  CHECK(p.margin == 5min);
}

TEST_CASE("a machine of one's own gets budgets where its profile has none", "[platform]") {
  const UserDir user;
  CHECK(user.set("generic",
                 {{"session", "8h"}, {"gpu", "20h"}, {"per_hour", "8.5CNY"}, {"idle", "1h"}}) ==
        "");
  const auto p = user.profile("generic");
  CHECK(std::get<SessionCap>(session_limit_of(p, "", "")->what).value == 8h);
  CHECK(std::get<WindowRule>(rule_of<WindowRule>(p).what).amount == 20h);
  const auto& money = std::get<MoneyRule>(rule_of<MoneyRule>(p).what);
  CHECK(money.currency == "CNY");
  CHECK(money.per_hour.at("any").text() == "8.50");
}

TEST_CASE("one broken file is told, and the other platforms are there", "[platform]") {
  const UserDir user;
  user.file("kaggle.json", "{");
  user.file("mine.json", "{}");
  std::map<std::string, std::string> problems;
  const auto all = load_profiles(user.dir.path(), &problems);
  REQUIRE(all);
  CHECK(find_profile(*all, "kaggle") != nullptr); // as it is built in
  CHECK(find_profile(*all, "mine") == nullptr);
  CHECK(problems.size() == 2);
  CHECK(problems["kaggle"].find("kaggle.json: not JSON") != std::string::npos);
}

TEST_CASE("a limit that is set makes no session that is over of one that lives", "[platform]") {
  const UserDir user;
  CHECK(user.set("generic", {{"session", "9h"}}) == "");
  SessionSettings s;
  const Now now{BootTime{15h}, wall_from_ns(1795237200'000'000'000)};
  s.start.boot = BootTime{0h};
  s.daemon_start = BootTime{14h};
  follow_profile(s, user.profile("generic"), now);
  CHECK(s.ends_at() == BootTime{23h});
  // What the platform itself says of the end stands.
  s.limit = SessionLimit{2h, {}, "SLURM_JOB_END_TIME says so", "", Confidence::high};
  s.settings["session_limit"].origin = Origin::detected;
  follow_profile(s, user.profile("generic"), now);
  CHECK(s.limit->value == 2h);
}

TEST_CASE("a machine is one of the price list, however it is written", "[platform]") {
  const UserDir user;
  CHECK(user.set("colab", {{"machine", "A100"}}) == "");
  CHECK(user.profile("colab").machine == "a100");
  CHECK(user.set("kaggle", {{"machine", "K80"}}).find("kaggle has no price list") !=
        std::string::npos);
}

TEST_CASE("what makes no sense is refused, and the file stays as it was", "[platform]") {
  const UserDir user;
  CHECK(user.set("colab", {{"session", "9h"}}) == "");
  for (const auto& [key, value] : std::map<std::string, std::string>{{"session", "long"},
                                                                     {"session ", "9h"},
                                                                     {"plan", "gold"},
                                                                     {"idle", "-3m"},
                                                                     {"gpu", "0s"},
                                                                     {"margin", "9"},
                                                                     {"machine", "b200"},
                                                                     {"per_hour", "cheap"},
                                                                     {"coffee", "2"}}) {
    CAPTURE(key, value);
    CHECK(user.set("colab", {{key, value}}).starts_with("limits set: "));
  }
  CHECK(std::get<SessionCap>(session_limit_of(user.profile("colab"), "", "free")->what).value ==
        9h);
}

TEST_CASE("a user says that the machine is a transient one", "[platform]") {
  const UserDir user;
  user.file("generic.json",
            R"({"limits": [{"type": "session", "seconds": 86400, "deaths": "bathtub"}]})");
  const auto cap = std::get<SessionCap>(session_limit_of(user.profile("generic"), "", "")->what);
  CHECK(cap.value == 24h);
  CHECK(cap.bathtub);
}
