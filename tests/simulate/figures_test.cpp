// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/figures.h"
#include "daemon/simulate/report.h"
#include "tests/support/catch.h"

using namespace gpujob::simulate;

namespace {

/// Three users, of whom each contestant saves so much of 100.
Score scored(const char* name, Kind kind, double durable) {
  const std::vector<Work> work{{durable, 100}, {durable, 100}, {durable, 100}};
  return {name, kind, work, work, {}};
}

Cell cell_of(double rule, double planner, double told) {
  return {.laws = {},
          .sessions = 90,
          .late_sessions = 90,
          .scores = {scored("rule", Kind::rule, rule), scored("planner", Kind::planner, planner),
                     scored("told", Kind::reference, told), scored("bound", Kind::bound, 100)}};
}

} // namespace

TEST_CASE("a planner that is far from what can be known misses its figure", "[simulate]") {
  CHECK(figures_of(cell_of(50, 99.6, 100)).learns());
  CHECK_FALSE(figures_of(cell_of(50, 99.4, 100)).learns());
}

TEST_CASE("a rule that is better by more than half a per cent is a missed figure", "[simulate]") {
  CHECK(figures_of(cell_of(90.4, 90, 90)).beats_rules());
  CHECK_FALSE(figures_of(cell_of(90.6, 90, 90)).beats_rules());
  CHECK_FALSE(all_hold({cell_of(90.6, 90, 90)}));
}

TEST_CASE("a rule that is ahead over all cells is a missed figure", "[simulate]") {
  CHECK(overall({cell_of(50, 90, 90), cell_of(90.3, 90, 90)}).ahead);
  CHECK_FALSE(overall({cell_of(90.2, 90, 90), cell_of(90.3, 90, 90)}).ahead);
  CHECK_FALSE(all_hold({cell_of(90.2, 90, 90), cell_of(90.3, 90, 90)}));
}

TEST_CASE("a quotient's error is that of users, not of sessions", "[simulate]") {
  const auto r = ratio({{90, 100}, {80, 100}}, {{80, 100}, {90, 100}});
  CHECK(r.value == Approx(1));
  CHECK(r.error == Approx(std::sqrt(200.0) / 170));
  CHECK(ratio({{45, 100}, {40, 100}}, {{90, 100}, {80, 100}}).error == Approx(0));
}

TEST_CASE("misses beside what was stated: chance, too many, too few", "[simulate]") {
  const auto look = [](int missed) {
    return miss_figure({.possible = 1000, .missed = missed, .stated = 50});
  };
  for (const int missed : {30, 50, 73}) {
    CHECK_FALSE(look(missed).more_than_stated());
    CHECK_FALSE(look(missed).fewer_than_stated());
  }
  CHECK(look(80).more_than_stated());
  CHECK(look(25).fewer_than_stated());
  CHECK(look(50).at_least + look(49).at_most == Approx(1));
  CHECK_FALSE(miss_figure({}).more_than_stated());
}

TEST_CASE("a planner that misses more than it states misses its figure", "[simulate]") {
  auto cell = cell_of(50, 90, 90);
  cell.scores[1].misses = {.possible = 1000, .missed = 80, .stated = 50};
  CHECK_FALSE(figures_of(cell).miss_holds());
  cell.scores[1].misses = {.possible = 1000, .missed = 10, .stated = 50};
  CHECK(figures_of(cell).miss_holds()); // more careful than need be
  cell.scores[2].misses = {.possible = 1000, .missed = 10, .stated = 50};
  CHECK_FALSE(figures_of(cell).miss_holds()); // who is told the laws has no such excuse
}
