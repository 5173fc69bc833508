// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"

#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using json::Reader;

namespace {

nlohmann::json parse(const char* text) {
  return json::parse(text, "test").value();
}

} // namespace

TEST_CASE("what is no JSON is refused by name", "[json]") {
  for (const auto* bad : {"", "{", "{} x", "nul", "{\"a\":01}", "\"\xff\""}) {
    const auto j = json::parse(bad, "spec.json");
    REQUIRE_FALSE(j);
    CHECK(j.error().code == Errc::bad_data);
    CHECK(j.error().text == "spec.json: not JSON");
  }
}

TEST_CASE("a value of another type is an error, never converted", "[json]") {
  const auto j = parse(R"({"f":3.7,"t":true,"big":18446744073709551615,"s":"x","l":[1,"2"],
                           "n":null,"o":{},"wide":[4294967296]})");
  const auto fails = [&](auto read) {
    Reader r(j, "test");
    read(r);
    return !r.ok();
  };
  CHECK(fails([](Reader& r) { r.integer("f"); }));
  CHECK(fails([](Reader& r) { r.integer("t"); }));
  CHECK(fails([](Reader& r) { r.integer("big"); }));
  CHECK(fails([](Reader& r) { r.integer("absent"); }));
  CHECK(fails([](Reader& r) { r.integer("n"); }));
  CHECK(fails([](Reader& r) { r.integer_or("s", 1); }));
  CHECK(fails([](Reader& r) { r.text("f"); }));
  CHECK(fails([](Reader& r) { r.text_or("o", ""); }));
  CHECK(fails([](Reader& r) { r.boolean_or("s", true); }));
  CHECK(fails([](Reader& r) { r.maybe_number("s"); }));
  CHECK(fails([](Reader& r) { r.texts_or_empty("l"); }));
  CHECK(fails([](Reader& r) { r.integers_or_empty("l"); }));
  CHECK(fails([](Reader& r) { r.integers_or_empty("wide"); }));
  CHECK(fails([](Reader& r) { r.bytes_list("s"); }));
  CHECK(fails([](Reader& r) { r.bytes("o"); }));
}

TEST_CASE("what is absent or null has its fallback", "[json]") {
  const auto j = parse(R"({"n":null,"i":-5,"x":2.5})");
  Reader r(j, "test");
  CHECK(r.integer("i") == -5);
  CHECK(r.integer_or("n", 7) == 7);
  CHECK_FALSE(r.maybe_integer("n"));
  CHECK(r.text_or("absent", "y") == "y");
  CHECK(r.maybe_number("x") == 2.5);
  CHECK(r.boolean_or("n", true));
  CHECK(r.texts_or_empty("absent").empty());
  CHECK(r.ok());
}

TEST_CASE("the first error stays, and names its key", "[json]") {
  const auto j = parse(R"({"a":"x"})");
  Reader r(j, "plan");
  (void)r.integer("a");
  (void)r.integer("b");
  REQUIRE_FALSE(r.ok());
  CHECK(r.error().text == "plan: a: is not a 64-bit integer");
  const auto list = parse("[1]");
  CHECK_FALSE(Reader(list, "plan").ok());
}

TEST_CASE("numbers and times out of all range are errors", "[json]") {
  const auto j = parse(R"({"max":9223372036854775807,"min":-9223372036854775808,"minus":-1,
                           "y2026":1795237200000000000,"y2199":7226582400000000000})");
  const auto fails = [&](auto read) {
    Reader r(j, "test");
    read(r);
    return !r.ok();
  };
  for (const auto* key : {"max", "min", "y2199", "absent"}) {
    INFO(key);
    CHECK(fails([&](Reader& r) { r.span(key); }));
    CHECK(fails([&](Reader& r) { r.boot_time(key); }));
    CHECK(fails([&](Reader& r) { r.wall_time(key); }));
    CHECK(fails([&](Reader& r) { r.integer_in(key, -1, 1'000'000); }));
  }
  CHECK(fails([](Reader& r) { r.span("minus"); }));
  CHECK(fails([](Reader& r) { r.wall_time("minus"); }));
  CHECK(fails([](Reader& r) { r.maybe_span("min"); }));
  CHECK(fails([](Reader& r) { r.maybe_boot_time("max"); }));
  CHECK(fails([](Reader& r) { r.maybe_wall_time("y2199"); }));
  Reader r(j, "test");
  CHECK(r.boot_time("minus") == boot_from_ns(-1));
  CHECK(r.wall_time("y2026") == wall_from_ns(1795237200000000000));
  CHECK(r.integer_in("minus", -1, 1) == -1);
  CHECK_FALSE(r.maybe_span("absent"));
  CHECK_FALSE(r.maybe_boot_time("absent"));
  CHECK_FALSE(r.maybe_wall_time("absent"));
  CHECK(r.ok());
}

TEST_CASE("a nest of brackets is refused, however well it closes", "[json]") {
  CHECK(json::parse(std::string(100, '[') + R"("]\"[")" + std::string(100, ']'), "spec"));
  const auto bad = json::parse(
      R"({"a":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}", "spec.json");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::bad_data);
  CHECK(bad.error().text == "spec.json: nests too deep");
  CHECK_FALSE(json::parse(std::string(101, '[') + std::string(101, ']'), "spec"));
  // Beside one another is not within one another, and in a string nothing nests.
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) {
    wide += R"([],{"[[[[":{}},)";
  }
  CHECK(json::parse(wide + "[]]", "wide"));
}

TEST_CASE("any bytes survive", "[json]") {
  const std::string odd("\xff\0/x\n", 5);
  const nlohmann::json j{{"p", json::from_bytes(odd)},
                         {"l", json::from_bytes_list({odd, "plain", ""})}};
  const auto back = parse(json::dump(j).c_str());
  Reader r(back, "test");
  CHECK(r.bytes("p") == odd);
  CHECK(r.bytes_list("l") == std::vector<std::string>{odd, "plain", ""});
  CHECK(r.ok());
  const auto bad = parse(R"({"p":{"b64":"@@@@"},"q":{"b64":"AAAA","x":1}})");
  Reader first(bad, "test"), second(bad, "test");
  (void)first.bytes("p");
  (void)second.bytes("q");
  CHECK_FALSE(first.ok());
  CHECK_FALSE(second.ok());
}

TEST_CASE("shown text that is not UTF-8 does not throw", "[json]") {
  CHECK(json::dump(nlohmann::json("a\xff")) == "\"a\xef\xbf\xbd\"");
}
