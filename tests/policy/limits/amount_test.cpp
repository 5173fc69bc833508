// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/limits/amount.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::limits;
using namespace std::chrono_literals;

namespace {

Amount amount(const char* text) {
  const auto a = Amount::parse(text);
  INFO(text);
  REQUIRE(a);
  return *a;
}

} // namespace

TEST_CASE("an amount is read and told exactly") {
  CHECK(amount("0.0139").text() == "0.0139");
  CHECK(amount("12").text() == "12.00");
  CHECK(amount("1.26").text() == "1.26");
  CHECK(amount("0.1").times(3) == amount("0.3")); // not so with floating point
  CHECK(amount("2.900000").text() == "2.90");
  CHECK(amount("0").is_zero());
  CHECK(amount("2.005").text(2) == "2.01");
  CHECK(amount("2.5").text(0) == "3");
}

TEST_CASE("what is no amount is refused, saying what was given") {
  for (const auto* text : {"", ".", ".5", "5.", "-1", "+1", "1e3", "1,5", "0.1234567", "1.2.3",
                           "12 ", "99999999999999999999", "NaN"}) {
    const auto a = Amount::parse(text);
    INFO(text);
    REQUIRE_FALSE(a);
    CHECK(a.error().text.find(text) != std::string::npos);
  }
}

TEST_CASE("a price per hour, for a time") {
  CHECK(amount("1.20").per_hour_for(1801s).text() == "0.600333");
  CHECK(amount("1.26").per_hour_for(24h).text() == "30.24");
  CHECK(amount("1.26").per_hour_for(0s).is_zero());
  CHECK(amount("1.26").per_hour_for(-1s).is_zero());
  CHECK(amount("3600").per_hour_for(1ns) > Amount()); // rounded up, never nothing
  CHECK(amount("30.24").lasts_at(amount("1.26")) == 24h);
  CHECK(amount("1").lasts_at(Amount()) == k_longest_span);
}

TEST_CASE("an amount does not fall below nothing nor turn over") {
  CHECK((amount("1") - amount("2")).is_zero());
  const auto most = amount("2000000000");
  CHECK(most + most > most);
  CHECK(most.times(1'000'000'000) >= most + most);
  CHECK(most.per_hour_for(k_longest_span) >= most);
}
