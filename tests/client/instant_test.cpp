// SPDX-License-Identifier: Apache-2.0
#include "client/instant.h"
#include "common/clock.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::client;
using namespace std::chrono_literals;

TEST_CASE("an instant is read as it was written") {
  for (const std::int64_t ms : {0LL, 1795237200250LL, 1LL, 4102444800999LL}) {
    const auto at = wall_from_ns(ms * 1'000'000);
    CHECK(parse_rfc3339(format_rfc3339(at)) == at);
  }
  CHECK(parse_rfc3339("2026-11-21T05:00:00Z") == wall_from_ns(1795237200LL * 1'000'000'000));
}

TEST_CASE("what is no instant in UTC is refused") {
  for (const auto* text :
       {"", "Z", "2026-11-21", "2026-11-21T05:00:00+01:00", "2026-11-21T05:00:00.Z",
        "2026-11-21T05:00:00.-1Z", "2026-11-21T05:00:00.1234567890Z", "x", "9999-12-31T23:59:59Z",
        "2262-04-12T00:00:00Z", "0026-11-21T05:00:00Z", "1969-12-31T23:59:59Z"}) {
    CAPTURE(text);
    CHECK(parse_rfc3339(text) == std::nullopt);
  }
}

TEST_CASE("a distance in time reads like speech") {
  const auto now = wall_from_ns(1'000'000'000'000);
  CHECK(relative(now, now) == "now");
  CHECK(relative(now - 90s, now) == "1m 30s ago");
  CHECK(relative(now + 2h, now) == "in 2h 00m");
}
