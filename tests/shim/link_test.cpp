// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/link.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>
#include <random>

using namespace gpujob;
using shim::parse_command;

TEST_CASE("The daemon's commands are read") {
  const auto hello = parse_command(R"({"op":"hello","v":1,"from":7})");
  REQUIRE(hello);
  CHECK(std::get<shim::Hello>(*hello).from == 7);
  const auto request = parse_command(R"({"op":"checkpoint","request":3})");
  REQUIRE(request);
  CHECK(std::get<shim::ContinueRequest>(*request).number == 3);
  Plan plan;
  plan.number = 9;
  plan.term_at = boot_from_ns(5);
  const auto line = nlohmann::json{{"op", "plan"}, {"plan", to_json(plan)}}.dump();
  const auto sent = parse_command(line);
  REQUIRE(sent);
  CHECK(std::get<shim::NewPlan>(*sent).plan == plan);
}

TEST_CASE("A word of a newer daemon is passed over, garbage is an error") {
  const auto unknown = parse_command(R"({"op":"dance"})");
  REQUIRE(unknown);
  CHECK(std::holds_alternative<shim::UnknownOp>(*unknown));
  for (const auto* line :
       {"", "x", "[]", "{}", R"({"op":1})", R"({"op":"hello","v":2,"from":0})",
        R"({"op":"hello","v":1})", R"({"op":"plan"})", R"({"op":"plan","plan":{}})",
        R"({"op":"plan","plan":7})", R"({"op":"checkpoint","request":"3"})"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_command(line));
  }
}

TEST_CASE("No bytes make the reader of commands throw") {
  std::mt19937 random{20261121};
  const std::string seed = R"({"op":"plan","plan":{"number":1,"reason":"stop","grace_ns":0}})";
  for (int i = 0; i < 2000; ++i) {
    auto line = seed;
    for (int changes = 0; changes < 3; ++changes) {
      line[random() % line.size()] = static_cast<char>(random());
    }
    CHECK_NOTHROW((void)parse_command(line));
  }
}
