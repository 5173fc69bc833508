// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/report.h"
#include "tests/support/catch.h"

using namespace gpujob::simulate;

TEST_CASE("times are short and whole", "[simulate]") {
  CHECK(short_time(std::nullopt) == "none");
  CHECK(short_time(30) == "30s");
  CHECK(short_time(60) == "1m");
  CHECK(short_time(90) == "90s");
  CHECK(short_time(120) == "2m");
  CHECK(short_time(3600) == "1h");
  CHECK(short_time(5400) == "90m");
  CHECK(short_time(43200) == "12h");
}

TEST_CASE("a figure that is just missed does not read as held", "[simulate]") {
  const std::vector<Work> good{{99.4999, 100}};
  const std::vector<Work> best{{100, 100}};
  const Cell cell{.laws = {},
                  .sessions = 30,
                  .late_sessions = 30,
                  .scores = {{"rule", Kind::rule, good, good, {}},
                             {"planner", Kind::planner, good, good, {}},
                             {"told", Kind::reference, best, best, {}}}};
  CHECK(render_cell(cell).find("99.49 % +- 0.00 of the one told the laws (99.50): MISSED") !=
        std::string::npos);
}
