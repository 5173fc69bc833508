// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/settings.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace gpujob {

using json::Json;
using platform::session_view;
using platform::SessionSettings;
using platform::settings_from_json;
using test::at;
using test::FakeMachine;
using test::hours;
using test::minutes;
using test::settle;

namespace {

SessionSettings colab(const char* limit = nullptr) {
  FakeMachine m;
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  m.pid1("tini", minutes(0));
  if (limit != nullptr) {
    m.env(std::string("GPUJOB_SESSION_LIMIT=") + limit);
  }
  return settle(m.request(), at(hours(1)));
}

} // namespace

TEST_CASE("settings come back from JSON as they were", "[platform]") {
  auto s = colab("6h");
  s.read_dirs = {"/odd \xff name"};
  SECTION("with everything") {
    s.limit->bathtub = std::chrono::hours{24};
  }
  SECTION("with nothing") {
    s.limit.reset();
    s.durable.reset();
    s.pid1_start_ticks.reset();
  }
  const auto back = settings_from_json(Json::parse(to_json(s).dump()));
  if (!back) {
    FAIL(back.error().text);
  }
  CHECK(*back == s);
}

TEST_CASE("settings with a wrong type are an error naming the key", "[platform]") {
  const auto good = to_json(colab());
  const auto error = [](const Json& j) {
    const auto s = settings_from_json(j);
    return s ? std::string("none") : s.error().text;
  };
  CHECK(error(good) == "none");
  auto j = good;
  j["slots"] = 1.5;
  CHECK(error(j) == "session settings: slots: is not a 64-bit integer");
  j = good;
  j["start"]["boot_ns"] = "1";
  CHECK(error(j) == "session settings: start: boot_ns: is not a 64-bit integer");
  j = good;
  j.erase("start");
  CHECK(error(j) == "session settings: start: not a JSON object");
  j = good;
  j["limit"]["ns"] = 0;
  CHECK(error(j) == "session settings: limit: ns: is not above 0");
  j["limit"]["ns"] = std::numeric_limits<std::int64_t>::max();
  CHECK(error(j) == "session settings: limit: ns: is out of range");
  j = good;
  j["limit"]["alternatives_ns"] = {std::numeric_limits<std::uint64_t>::max()};
  CHECK(error(j) == "session settings: limit: alternatives_ns: is not a list of nanoseconds");
  for (const auto* key : {"margin_ns", "daemon_start_ns"}) {
    j = good;
    j[key] = std::numeric_limits<std::int64_t>::min();
    CHECK(error(j) == std::string("session settings: ") + key + ": is out of range");
  }
  for (const auto* key : {"boot_ns", "wall_ns"}) {
    j = good;
    j["start"][key] = std::numeric_limits<std::int64_t>::max();
    CHECK(error(j) == std::string("session settings: start: ") + key + ": is out of range");
  }
  j = good;
  j["settings"]["plan"]["origin"] = "gossip";
  CHECK(error(j) == "session settings: plan: origin: is not a known one");
  j = good;
  j["pid1_start_ticks"] = "12x";
  CHECK(error(j) == "session settings: pid1_start_ticks: is not a number");
  CHECK(error(Json::array()) == "session settings: not a JSON object");
}

namespace {

/// With nothing but the session's own limit to end it.
Json view(const SessionSettings& s, Now now, std::string_view durable_state = {}) {
  return session_view(s, now, durable_state,
                      {s.ends_at(), s.plan_end(), s.limit ? "session_limit" : "", {}, {}});
}

} // namespace

TEST_CASE("the view shows the session, its end and how we know", "[platform]") {
  const auto v = view(colab(), at(hours(2)), "ready");
  CHECK(v["platform"] == "colab");
  CHECK(v["variant"] == nullptr);
  CHECK(v["plan"] == "free");
  CHECK(v["confidence"] == "high");
  CHECK(v["evidence"] == Json::array({"TBE_RUNTIME_ADDR in the environment"}));
  CHECK(v["conflicts"] == Json::array());
  const auto& s = v["session"];
  CHECK(s["id"] == "new");
  CHECK(s["limit_s"] == 43200);
  CHECK(s["elapsed_s"] == 7200);
  CHECK(s["remaining_s"] == 36000);
  CHECK(s["margin_s"] == 900);
  CHECK(s["started_at"] == "2026-11-21T05:00:00.000Z");
  CHECK(s["ends_at"] == "2026-11-21T17:00:00.000Z");
  CHECK(s["plan_ends_at"] == "2026-11-21T16:45:00.000Z");
  CHECK(s["as_of"] == "2026-09-24");
  CHECK(s["confidence"] == "medium");
  CHECK(s["alternatives_s"] == Json::array());
  CHECK(s["start_source"] == "pid1");
  CHECK(s["start_confidence"] == "medium");
  CHECK(s["start_evidence"].size() == 1);
  CHECK(s["ended"] == false);
  CHECK(v["durable"] ==
        Json{{"path", "/content/drive/MyDrive/gpujob"}, {"level", "cached"}, {"state", "ready"}});
  CHECK(v["settings"]["session_limit"] ==
        Json{{"value", "12h 00m"}, {"origin", "profile"}, {"detail", "colab"}});
  CHECK(v["settings"].size() == 11);
}

TEST_CASE("what is not known is null", "[platform]") {
  const auto v = view(settle(FakeMachine().request(), at(hours(1))), at(hours(2)));
  for (const char* key : {"limit_s", "remaining_s", "margin_s", "ends_at", "plan_ends_at", "source",
                          "as_of", "confidence"}) {
    INFO(key);
    CHECK(v["session"][key] == nullptr);
  }
  CHECK(v["session"]["elapsed_s"] == 3600);
  CHECK(v["session"]["ended"] == false);
  CHECK(v["durable"]["path"] == nullptr);
  CHECK(v["durable"]["state"] == "off");
  CHECK(v["settings"]["durable"]["value"] == nullptr);
}

TEST_CASE("after its end a session has nothing left, and not less", "[platform]") {
  const auto v = view(colab(), at(hours(13)));
  CHECK(v["session"]["remaining_s"] == 0);
  CHECK(v["session"]["ended"] == true);
  CHECK(v["session"]["elapsed_s"] == 13 * 3600);
}

TEST_CASE("the view says that a setting came with the session, and from where first",
          "[platform]") {
  FakeMachine m;
  m.pid1("tini", minutes(0));
  auto r = m.request();
  r.stored = colab("6h");
  const auto v = view(settle(r, at(hours(2))), at(hours(2)));
  CHECK(v["settings"]["session_limit"] ==
        Json{{"value", "6h"},
             {"origin", "stored"},
             {"detail", "stored with this session, first from environment GPUJOB_SESSION_LIMIT"}});
  CHECK(v["settings"]["platform"]["detail"] == "stored with this session, first from detected");
}

TEST_CASE("a place that is not mounted is told with what to do", "[platform]") {
  const auto d = *colab().durable;
  const auto problem = platform::mount_problem(d, {{"/", "overlay"}});
  REQUIRE(problem);
  CHECK(*problem == "durable: /content/drive/MyDrive/gpujob: fuse.drive is not mounted there, so "
                    "it would not outlive this VM: run `from google.colab import drive; "
                    "drive.mount('/content/drive')` in a cell");
  CHECK(!platform::mount_problem(d, {{"/", "overlay"}, {"/content/drive", "fuse.drive"}}));
  CHECK(!platform::mount_problem({"/x", "", "", "", platform::Origin::flag}, {}));
}

} // namespace gpujob
