// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "tests/ipc/wire.h"
#include "tests/schema/schema_check.h"

using namespace gpujob;
using namespace gpujob::test;
using json::Json;
using namespace std::chrono_literals;

namespace {

policy::StoredOccurrence event(std::int64_t seq, std::string text) {
  return {seq,
          "s1",
          {wall_from_ns(1'790'000'000'000'000'000), policy::Happened::warning, "j0000001", "digits",
           2, std::move(text)}};
}

policy::StoredAttempt attempt(std::int64_t seq) {
  policy::AttemptRecord a{"j0000001",
                          "digits",
                          static_cast<int>(seq),
                          wall_from_ns(1'790'000'000'000'000'000),
                          {},
                          "running",
                          1500ms,
                          {},
                          {}};
  return {seq, "s1", a};
}

/// Every page meets its schema and fits a frame; all rows of all pages.
std::vector<Json> all_pages(Wire& wire, const std::string& method) {
  std::vector<Json> rows;
  Json cursor;
  for (int pages = 0; pages < 100; ++pages) {
    const Json params{{"since", nullptr}, {"cursor", cursor}};
    REQUIRE(why_invalid(protocol_schema("record_params"), params) == "");
    const auto answer = wire.call(method, params);
    REQUIRE(answer.contains("result"));
    const auto& page = answer["result"];
    REQUIRE(why_invalid(protocol_schema(method + "_result"), page) == "");
    REQUIRE(page.dump().size() < 60'000);
    const auto& list = page[method == "usage" ? "uses" : method];
    rows.insert(rows.end(), list.begin(), list.end());
    cursor = page["next"];
    if (cursor.is_null()) {
      return rows;
    }
    REQUIRE_FALSE(list.empty());
  }
  FAIL("the pages do not end");
  return rows;
}

} // namespace

TEST_CASE("what happened is told in pages, each row once and in order") {
  Wire wire;
  wire.hello();
  CHECK(all_pages(wire, "events").empty());
  for (int i = 1; i <= 1000; ++i) {
    wire.backend.kept_events.push_back(event(2 * i, std::to_string(i) + std::string(500, '"')));
  }
  const auto rows = all_pages(wire, "events");
  REQUIRE(rows.size() == 1000);
  for (int i = 1; i <= 1000; ++i) {
    CHECK(rows[static_cast<std::size_t>(i - 1)]["text"].get<std::string>().starts_with(
        std::to_string(i) + "\""));
  }
  CHECK(rows[0]["kind"] == "warning");
  CHECK(rows[0]["attempt"] == 2);
}

TEST_CASE("an event of the session has no job") {
  Wire wire;
  wire.hello();
  auto e = event(1, "t");
  e.what.job.clear();
  e.what.name.clear();
  e.what.attempt = 0;
  wire.backend.kept_events = {e};
  const auto row = all_pages(wire, "events").at(0);
  CHECK(row["job"].is_null());
  CHECK(row["name"].is_null());
  CHECK(row["attempt"].is_null());
}

TEST_CASE("attempts and uses are told in pages, and null what is not known") {
  Wire wire;
  wire.hello();
  for (int i = 1; i <= 450; ++i) {
    wire.backend.kept_attempts.push_back(attempt(i));
    wire.backend.kept_uses.push_back({"gpu", wall_from_ns(i), wall_from_ns(i + 1)});
  }
  const auto attempts = all_pages(wire, "attempts");
  REQUIRE(attempts.size() == 450);
  CHECK(attempts[449]["attempt"] == 450);
  CHECK(attempts[0]["kept_s"] == 1.5);
  CHECK(attempts[0]["lost_s"].is_null());
  CHECK(attempts[0]["ended_at"].is_null());
  CHECK(all_pages(wire, "usage").size() == 450);
}

TEST_CASE("a page that cannot be is refused") {
  Wire wire;
  wire.hello();
  for (const Json& params : {Json{{"cursor", "x"}}, Json{{"cursor", 7}}, Json{{"cursor", "-1"}},
                             Json{{"since", "yesterday"}}, Json{{"since", 7}}}) {
    for (const char* method : {"events", "attempts", "usage"}) {
      INFO(method << " " << params.dump());
      CHECK(wire.call(method, params)["error"]["data"]["errc"] == "bad_data");
    }
  }
}
