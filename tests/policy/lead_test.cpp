// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/lead.h"
#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::policy;
using namespace std::chrono_literals;

TEST_CASE("the default lead is 120 s in a long session with no history") {
  CHECK(lead_time({}, 12h) == 120s);
}

TEST_CASE("never more than a quarter of the session") {
  CHECK(lead_time({}, 40s) == 10s);
}

TEST_CASE("the user's word wins") {
  CHECK(lead_time(5s, 40s) == 5s);
}

TEST_CASE("the parts of a lead add up to it") {
  for (const Duration lead : {Duration(1s), Duration(6s), Duration(120s), Duration(1h)}) {
    const auto p = split_lead(lead);
    CHECK(p.grace + p.kill_grace + p.last_reserve == lead);
    CHECK(p.grace >= lead / 2);
    CHECK(p.kill_grace + p.last_reserve <= 30s);
  }
}
