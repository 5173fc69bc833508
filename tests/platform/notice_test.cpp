// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "daemon/platform/notice.h"
#include "tests/support/catch.h"

#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::platform;
using namespace std::chrono_literals;
using json::Json;

namespace {

/// Saturday 2026-11-21 05:00:00 UTC.
const WallTime k_now = wall_from_ns(1795237200LL * 1'000'000'000);

Result<std::optional<EndNotice>> read(const char* kind, const std::string& body, int status = 200,
                                      const Json& before = Json::array()) {
  const Json reply{{"ok", true}, {"status", status}, {"body", body}, {"before", before}};
  return read_notice({kind, "169.254.169.254"}, reply.dump(), k_now);
}

std::string azure(const std::string& type, const std::string& not_before,
                  const Json& resources = Json::array()) {
  return Json{
      {"Events", {{{"EventType", type}, {"NotBefore", not_before}, {"Resources", resources}}}}}
      .dump();
}

} // namespace

TEST_CASE("EC2 announces the end of a spot instance with its time", "[platform]") {
  const auto found = read("ec2_spot", R"({"action": "terminate", "time": "2026-11-21T05:02:00Z"})");
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->ends_at == k_now + 120s);
  CHECK((*found)->stated);
  CHECK((*found)->text == "EC2 takes this spot instance back (terminate)");
  CHECK_FALSE(*read("ec2_spot", "Not Found", 404));
}

TEST_CASE("a time that has passed or cannot be read counts from now, with what is usual",
          "[platform]") {
  for (const auto* time : {"2026-11-21T04:59:00Z", "soon", ""}) {
    const auto found = read("ec2_spot", fmt::format(R"({{"action": "stop", "time": "{}"}})", time));
    REQUIRE(found);
    CHECK((*found)->ends_at == k_now + 120s);
    CHECK_FALSE((*found)->stated);
  }
  for (const auto* time :
       {"", "Sat, 21 Nov 2026 04:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "infinite-future"}) {
    CHECK((*read("azure_events", azure("Preempt", time)))->ends_at == k_now + 30s);
  }
}

TEST_CASE("Google says TRUE or FALSE", "[platform]") {
  CHECK_FALSE(*read("gce_preempted", "FALSE\n"));
  CHECK((*read("gce_preempted", "TRUE"))->ends_at == k_now + 30s);
  CHECK_FALSE(read("gce_preempted", "<html>"));
}

TEST_CASE("Azure's events end the machine when they say so, also days ahead", "[platform]") {
  const auto later = read("azure_events", azure("Redeploy", "Tue, 24 Nov 2026 05:00:00 GMT"));
  CHECK((*later)->ends_at == k_now + 72h);
  CHECK((*later)->stated);
  CHECK_FALSE(*read("azure_events", azure("Freeze", "Sat, 21 Nov 2026 05:10:00 GMT")));
  CHECK_FALSE(*read("azure_events", R"({"Events": []})"));
}

TEST_CASE("an event of another machine of the set is none of ours", "[platform]") {
  const auto event = azure("Preempt", "Sat, 21 Nov 2026 05:10:00 GMT", {"vm_2"});
  CHECK_FALSE(*read("azure_events", event, 200, {"vm_1"}));
  CHECK(*read("azure_events", event, 200, {"vm_2"}));
  CHECK(*read("azure_events", event, 200, {nullptr})); // who we are is not known
}

TEST_CASE("whoever else answers there gives no notice", "[platform]") {
  for (const auto* kind : {"ec2_spot", "gce_preempted", "azure_events"}) {
    CAPTURE(kind);
    CHECK_FALSE(read(kind, "", 401));
    CHECK_FALSE(read(kind, "[1, 2", 200));
    CHECK_FALSE(read_notice({kind, ""}, R"({"ok": false, "error": "x"})", k_now));
    CHECK_FALSE(read_notice({kind, ""}, Error{Errc::io, "deadline"}, k_now));
  }
  CHECK_FALSE(read("gce_preempted", "FALSE", 404));
  CHECK_FALSE(read("azure_events", R"({"Events": [1]})"));
}

TEST_CASE("an answer of gpujob-http that says no error says why in words", "[platform]") {
  const auto why = [](const std::string& reply) {
    const auto found = read_notice({"ec2_spot", "x"}, reply, k_now);
    REQUIRE_FALSE(found);
    return found.error().text;
  };
  CHECK(why(R"({"ok": false, "error": "timed out"})") == "timed out");
  CHECK(why(R"({"ok": false, "error": ""})") == "gpujob-http: no answer");
  CHECK(why("{}") == "gpujob-http: no answer");
  CHECK(why(R"({"error": 0})") == "gpujob-http: no answer"); // the fuzzer's
}

TEST_CASE("whom to ask is a kind and an address", "[platform]") {
  CHECK_FALSE(*parse_notices("none", "x"));
  CHECK((*parse_notices("ec2_spot", "x"))->address == "169.254.169.254");
  CHECK((*parse_notices("gce_preempted@127.0.0.1:80", "x"))->address == "127.0.0.1:80");
  for (const auto* text :
       {"", "ec2", "ec2_spot@", "ec2_spot@example.org", "azure_events@1.2.3.4/x"}) {
    CAPTURE(text);
    const auto wrong = parse_notices(text, "--notices");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().text.starts_with("--notices: "));
  }
}
