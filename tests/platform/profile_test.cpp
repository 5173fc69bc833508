// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/profile.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

namespace gpujob {

using json::Json;
using platform::find_profile;
using platform::parse_profile;
using platform::session_limit_of;
using test::hours;
using test::profiles;

namespace {

Json small_profile() {
  return Json::parse(R"({
    "id": "p", "title": "P", "priority": 1, "as_of": "2026-01-01",
    "detect": {"any": [{"env": "P"}]},
    "variants": [{"id": "v", "when": {"env_eq": ["A", "b"]}}],
    "limits": [{"type": "session", "seconds": 60, "hard": true, "source": "s",
                "as_of": "2026-01-01", "confidence": "low"}],
    "durable": {"write": [{"path": "/p", "level": "stored", "source": "s",
                           "as_of": "2026-01-01", "confidence": "low"}], "read": []},
    "notice": {"kind": "none", "grace_s": 0, "source": "s", "as_of": "2026-01-01",
               "confidence": "low"}})");
}

std::string error_of(const Json& j) {
  const auto p = parse_profile(j.dump(), "p.json");
  return p ? std::string("none") : p.error().text;
}

} // namespace

TEST_CASE("the built-in profiles load, ordered by priority", "[platform]") {
  std::vector<std::string> ids;
  for (const auto& p : profiles()) {
    ids.push_back(p.id);
  }
  CHECK(ids == std::vector<std::string>{
                   "sagemaker-training", "slurm", "sagemaker-studio-lab", "sagemaker-studio",
                   "sagemaker-notebook", "kaggle", "colab-enterprise", "colab", "paperspace",
                   "floydhub", "onepanel", "aistudio", "easyaiforum", "kubernetes", "generic"});
}

TEST_CASE("the session limits are those of the platforms", "[platform]") {
  const auto limit = [](const char* id, const char* variant, const char* plan) {
    const auto* rule = session_limit_of(*find_profile(profiles(), id), variant, plan);
    return rule == nullptr ? std::nullopt : std::get<platform::SessionCap>(rule->what).value;
  };
  CHECK(limit("kaggle", "interactive", "") == hours(12));
  CHECK(limit("kaggle", "", "") == hours(12));
  CHECK(limit("kaggle", "tpu", "") == hours(9));
  CHECK(limit("colab", "", "free") == hours(12));
  CHECK(limit("colab", "", "pro") == hours(24));
  CHECK(limit("colab", "", "pro_plus") == hours(24));
  CHECK(limit("paperspace", "", "free") == hours(6));
  CHECK(limit("paperspace", "", "paid") == std::nullopt);
  CHECK(limit("generic", "", "") == std::nullopt);
  const auto* free = session_limit_of(*find_profile(profiles(), "paperspace"), "", "free");
  CHECK(std::get<platform::SessionCap>(free->what).alternatives ==
        std::vector<Duration>{hours(12)});
}

TEST_CASE("a profile with a wrong key or type is an error with its path", "[platform]") {
  CHECK(error_of(small_profile()) == "none");

  auto j = small_profile();
  j["margin"] = 1;
  CHECK(error_of(j).starts_with("profile p.json: margin: is not a known key: use one of id,"));
  j = small_profile();
  j["limits"][0]["seconds"] = "60";
  CHECK(error_of(j) == "profile p.json.limits[0]: seconds: is not a 64-bit integer");
  j = small_profile();
  j["limits"][0]["confidence"] = "certain";
  CHECK(error_of(j) == "profile p.json.limits[0]: confidence: is not low, medium or high");
  j = small_profile();
  j["detect"]["any"][0] = {{"environment", "P"}};
  CHECK(error_of(j).starts_with("profile p.json.detect.any[0]: environment: is not a known key"));
  j = small_profile();
  j["variants"][0]["when"]["env_eq"] = "A=b";
  CHECK(error_of(j) == "profile p.json.variants[0].when: env_eq: is not a list");
  j = small_profile();
  j["durable"]["write"][0]["path"] = "p";
  CHECK(error_of(j) == "profile p.json.durable.write[0]: path: does not begin with /");
  j = small_profile();
  j["durable"]["write"] = "/p";
  CHECK(error_of(j) == "profile p.json.durable.write: is not a list");
  j = small_profile();
  j.erase("notice");
  CHECK(error_of(j) == "profile p.json.notice: not a JSON object");
  j = small_profile();
  j["plans"] = {"free"};
  CHECK(error_of(j) == "profile p.json: default_plan: is not one of plans");
  CHECK(parse_profile("{", "p.json").has_error());
}

} // namespace gpujob
