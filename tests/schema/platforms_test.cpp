// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"
#include "schema/embedded.h"
#include "tests/schema/schema_check.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gpujob {

using json::Json;

TEST_CASE("every profile meets platform.schema.json", "[schema]") {
  const auto schema = Json::parse(schema::platform_schema());
  REQUIRE(schema::platforms().size() >= 4);
  for (const auto& file : schema::platforms()) {
    INFO(file.name);
    CHECK(test::why_invalid(schema, Json::parse(file.content)) == "");
  }
}

TEST_CASE("platform.schema.json refuses what a profile must not be", "[schema]") {
  const auto schema = Json::parse(schema::platform_schema());
  const auto& files = schema::platforms();
  const auto kaggle = std::find_if(files.begin(), files.end(),
                                   [](const auto& f) { return f.name == "kaggle.json"; });
  REQUIRE(kaggle != files.end());
  const auto good = Json::parse(kaggle->content);

  auto bad = good;
  bad["margin"] = 5;
  CHECK(test::why_invalid(schema, bad) != "");
  bad = good;
  bad["limits"][0].erase("source");
  CHECK(test::why_invalid(schema, bad) != "");
  bad = good;
  bad["limits"][0]["confidence"] = "certain";
  CHECK(test::why_invalid(schema, bad) != "");
  bad = good;
  bad["detect"]["any"][0] = {{"env", "A"}, {"dir", "/b"}};
  CHECK(test::why_invalid(schema, bad) != "");
}

TEST_CASE("the embedded files come sorted by name", "[schema]") {
  for (const auto group : {schema::platforms(), schema::migrations(), schema::protocol()}) {
    CHECK(std::is_sorted(group.begin(), group.end(),
                         [](const auto& a, const auto& b) { return a.name < b.name; }));
  }
}

} // namespace gpujob
