// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/final_save.h"
#include "daemon/policy/saving/periodic.h"
#include "daemon/policy/saving/planner.h"
#include "tests/policy/saving/numbers.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <vector>

using namespace gpujob::saving;

namespace {

constexpr double k_hour = 3600;

Prospect prospect(End end, const Latency& c, Contract contract = {}) {
  return {.end = end, .latency = c, .pause = c, .contract = contract};
}

} // namespace

TEST_CASE("without deaths, for one that exits: section 2's lead to 1 %", "[saving]") {
  for (const auto& c :
       {Latency::lognormal(30, .5), Latency::lognormal(60, .3), Latency::lognormal(120, .5),
        Latency::normal(60, 15), Latency::exponential(.05, 10), Latency::uniform(10, 90)}) {
    for (const double stake : {900.0, 3600.0, 9 * k_hour, 12 * k_hour}) {
      const SavePlan plan(prospect(End().at(stake), c, {.continues = false, .restart = {}}));
      const auto save = plan.next_save(0, 0);
      const auto best = best_final_save(c, stake);
      REQUIRE(save);
      CHECK(stake - save->start == Approx(best.lead).epsilon(.01));
      CHECK(save->miss == Approx(best.miss).epsilon(.1).margin(1e-5));
      CHECK(save->expected == Approx(best.expected).epsilon(1e-4));
    }
  }
}

TEST_CASE("r to infinity, fixed save of 5 min, M = 6 h: 56.7 min to 1 % [calc]", "[saving]") {
  for (const double m : {.25 * k_hour, 6 * k_hour, 24 * k_hour}) {
    const double exact = exact_interval({.mean_between = m, .save_cost = 300});
    const SavePlan endless(prospect(End().dying(1 / m), Latency::fixed(300)));
    REQUIRE(endless.next_save(0, 0));
    CHECK(endless.next_save(0, 0)->period == Approx(exact).epsilon(.01));
    const SavePlan capped(prospect(End().at(10 * m).dying(1 / m), Latency::fixed(300)));
    CHECK(capped.next_save(0, 0)->period == Approx(exact).epsilon(.1)); // whole numbers of them
  }
}

TEST_CASE("without the survival through the save the period would be zero", "[saving]") {
  const SavePlan plan(prospect(End().dying(1 / (6 * k_hour)), Latency::fixed(300)));
  CHECK(plan.next_save(0, 0)->period > 50 * 60);
}

TEST_CASE("work that is already at risk counts toward the period", "[saving]") {
  const SavePlan plan(prospect(End().dying(1 / (6 * k_hour)), Latency::fixed(300)));
  const double period = plan.next_save(0, 0)->period;
  CHECK(plan.next_save(0, 1000)->start == Approx(period - 1000).epsilon(.02));
  CHECK(plan.next_save(500, 1500)->start == Approx(500 + period - 1500).epsilon(.02));
  CHECK(plan.next_save(0, 2 * period)->start == 0); // overdue: now
}

TEST_CASE("a plan agrees with the value of every other plan of saves", "[saving]") {
  // An independent look: simulate the plan against a few thousand sessions, and see that what it
  // promises is what it brings, and that no fixed period brings more.
  const auto c = Latency::lognormal(60, .5);
  constexpr double k_cap = 4 * k_hour, k_mean = 2 * k_hour;
  const SavePlan plan(prospect(End().at(k_cap).dying(1 / k_mean), c, {.least_gain = 0}));
  const auto run = [&](unsigned seed, auto next) {
    Numbers numbers(seed);
    const double end = std::min(k_cap, -k_mean * std::log(numbers.uniform()));
    double now = 0, durable = 0;
    while (const auto start = next(now)) {
      const double done = *start + 60 * std::exp(.5 * numbers.normal());
      if (done > end) {
        break;
      }
      durable += *start - now;
      now = done;
    }
    return durable;
  };
  double planned = 0, promised = plan.next_save(0, 0)->expected;
  double periodic[4] = {};
  constexpr int k_runs = 20000;
  for (unsigned seed = 1; seed <= k_runs; ++seed) {
    planned += run(seed, [&](double now) -> std::optional<double> {
      const auto save = plan.next_save(now, 0);
      return save ? std::optional(save->start) : std::nullopt;
    });
    for (int i = 0; i < 4; ++i) {
      periodic[i] += run(seed, [&](double now) { return std::optional(now + 300 * (1 << i)); });
    }
  }
  CHECK(planned / k_runs == Approx(promised).epsilon(.02));
  for (const double p : periodic) {
    CHECK(planned > p);
  }
}

TEST_CASE("the last save of a continuing job is short of one worth its pause", "[saving]") {
  const auto c = Latency::lognormal(30, .5);
  const SavePlan plan(prospect(End().at(12 * k_hour), c));
  const auto first = plan.next_save(0, 0);
  const auto last = plan.last_save(0, 0);
  REQUIRE(first);
  REQUIRE(last);
  CHECK(last->start >= first->start);
  CHECK(last->start < 12 * k_hour);
  CHECK_FALSE(plan.next_save(last->start + 31, 0));
}

TEST_CASE("a fuzzy cap asks for an early save and more of them", "[saving]") {
  const auto c = Latency::lognormal(30, .5);
  const SavePlan sharp(prospect(End().at(12 * k_hour), c));
  const SavePlan fuzzy(prospect(End().at(12 * k_hour, 1800), c));
  CHECK(fuzzy.next_save(0, 0)->start < sharp.next_save(0, 0)->start - 1000);
  const SavePlan hardly(prospect(End().at(12 * k_hour, 1), c));
  CHECK(hardly.next_save(0, 0)->start == Approx(sharp.next_save(0, 0)->start).margin(10));
}

TEST_CASE("one that exits and cannot come back saves once, near section 2's fuzzy lead",
          "[saving]") {
  const Contract exits{.continues = false, .restart = {}};
  for (const double sd : {300.0, 1800.0, 3600.0}) {
    const auto c = Latency::normal(60, 15);
    const SavePlan plan(prospect(End().at(12 * k_hour, sd), c, exits));
    CHECK(12 * k_hour - plan.next_save(0, 0)->start ==
          Approx(best_final_save(c, 12 * k_hour, sd).lead).epsilon(.01));
  }
}

TEST_CASE("more risk never means a longer period", "[saving]") {
  double before = 1e12;
  for (const double mean : {48.0, 24.0, 12.0, 6.0, 3.0, 1.0, .5}) {
    const SavePlan plan(
        prospect(End().at(12 * k_hour).dying(1 / (mean * k_hour)), Latency::lognormal(30, .5)));
    const double period = plan.next_save(0, 0)->period;
    CHECK(period <= before * 1.02); // a cap holds whole numbers of periods
    before = period;
  }
}

TEST_CASE("dearer saves never mean a shorter period, nor a longer pause a later end", "[saving]") {
  double before = 0;
  for (const double median : {1.0, 5.0, 30.0, 120.0, 600.0}) {
    const SavePlan plan(prospect(End().dying(1 / (6 * k_hour)), Latency::lognormal(median, .5)));
    CHECK(plan.next_save(0, 0)->period > before);
    before = plan.next_save(0, 0)->period;
  }
}

TEST_CASE("a copy that goes on beside the work makes saves cheap", "[saving]") {
  const End end = End().at(12 * k_hour).dying(1 / (6 * k_hour));
  const SavePlan stops(prospect(end, Latency::fixed(60)));
  const SavePlan goes_on({.end = end, .latency = Latency::fixed(60), .pause = Latency::fixed(5)});
  CHECK(goes_on.next_save(0, 0)->period < .5 * stops.next_save(0, 0)->period);
  CHECK(goes_on.next_save(0, 0)->expected > stops.next_save(0, 0)->expected);
}

TEST_CASE("a restart that costs much makes one that exits save late", "[saving]") {
  const auto c = Latency::fixed(30);
  const auto start = [&](Contract contract) {
    return SavePlan(prospect(End().at(12 * k_hour).dying(1 / (6 * k_hour)), c, contract))
        .next_save(0, 0)
        ->start;
  };
  const double cheap = start({.continues = false, .restart = 10});
  const double dear = start({.continues = false, .restart = 900});
  CHECK(start({}) < cheap);
  CHECK(cheap < dear);
  CHECK(dear < start({.continues = false, .restart = {}}));
}

TEST_CASE("a bathtub is saved in early, seldom in its middle, and before its cap", "[saving]") {
  const auto c = Latency::lognormal(30, .5);
  const auto period = [&](double age) {
    return SavePlan(prospect(End().bathtub(Bathtub{}, age), c)).next_save(0, 0)->period;
  };
  CHECK(period(0) < .5 * period(10 * k_hour));
  CHECK(period(22.5 * k_hour) < .5 * period(10 * k_hour));
}

TEST_CASE("no plan lies in the past, after the end, or promises more than there is", "[saving]") {
  Numbers numbers(11);
  for (int i = 0; i < 200; ++i) {
    const double cap = 60 * std::exp(7 * numbers.uniform());
    const bool fuzzy = numbers.uniform() < .5;
    const double sd = fuzzy ? cap * .1 * numbers.uniform() : 0;
    auto end = End().at(cap, sd).dying(
        Hazard{}.after(std::floor(4 * numbers.uniform()), 3600 * 9 * numbers.uniform()));
    const auto c = numbers.uniform() < .5
                       ? Latency::lognormal(std::exp(6 * numbers.uniform()), numbers.uniform())
                       : Latency::log_student(4 * numbers.uniform(), numbers.uniform(), 3);
    const SavePlan plan(prospect(end, c));
    for (int k = 0; k < 10; ++k) {
      const double now = 1.1 * cap * numbers.uniform();
      const double at_risk = now * numbers.uniform();
      const auto save = plan.next_save(now, at_risk);
      if (save) {
        CHECK(save->start >= now);
        CHECK(save->start <= cap + 7 * sd);
        CHECK(save->miss >= 0);
        CHECK(save->miss <= 1);
        CHECK(save->period == Approx(save->start - now + at_risk));
        CHECK(save->expected <= at_risk + cap + 7 * sd - now);
        CHECK(save->expected >= 0);
      } else if (sd <= 0 && c.cdf((cap - now) / 2) > .99) {
        // Half the time that is left would be saved for sure: worth it, unless the pause costs
        // more.
        CHECK((at_risk + (cap - now) / 2) * .9 * end.survival(cap) /
                  end.survival(std::min(now, cap * .999)) <=
              c.mean() * 1.01);
      }
    }
  }
}

TEST_CASE("a save that brings too little is not worth making", "[saving]") {
  const auto at = [](double cap, Contract contract) {
    return SavePlan(prospect(End().at(cap), Latency::fixed(60), contract)).next_save(0, 0);
  };
  CHECK_FALSE(at(74, {})); // 14 s of work for a pause of 60
  CHECK(at(76, {}));
  CHECK_FALSE(at(100, {.least_gain = 60}));
  CHECK(at(130, {.least_gain = 60}));
  const SavePlan plan(prospect(End().at(100), Latency::fixed(60)));
  CHECK(plan.next_save(39, 500));
  CHECK_FALSE(plan.next_save(41, 500)); // it cannot end in time
}

TEST_CASE("advice says whether it is the last, and the lead of the last", "[saving]") {
  const auto c = Latency::lognormal(30, .5);
  const SavePlan plan(prospect(End().at(12 * k_hour).dying(1 / (6 * k_hour)), c));
  const auto first = plan.advise(0, 0);
  REQUIRE(first);
  CHECK_FALSE(first->last);
  REQUIRE(first->final_lead);
  CHECK(*first->final_lead > 30);
  CHECK(*first->final_lead < 200);
  const auto last = plan.advise(12 * k_hour - 1.001 * *first->final_lead, 600);
  REQUIRE(last);
  CHECK(*last->final_miss < .5); // little is left to lose by then
  const SavePlan exits(prospect(End().at(12 * k_hour), c, {.continues = false}));
  REQUIRE(exits.advise(0, 0));
  CHECK(exits.advise(0, 0)->last);
  CHECK(*exits.advise(0, 0)->final_lead ==
        Approx(best_final_save(c, 12 * k_hour).lead).epsilon(.01));
  CHECK_FALSE(exits.advise(12 * k_hour - 1, 0));
  const SavePlan endless(prospect(End().dying(1 / k_hour), c));
  CHECK_FALSE(endless.advise(0, 0)->final_lead);
}

TEST_CASE("ends and saves at the edge of sense are planned without trouble", "[saving]") {
  const auto c = Latency::lognormal(30, .5);
  CHECK_FALSE(SavePlan(prospect(End().at(0), c)).next_save(0, 1000));
  CHECK_FALSE(SavePlan(prospect(End().at(-50), c)).next_save(0, 1000));
  CHECK_FALSE(SavePlan(prospect(End().at(-9000, 600), c)).next_save(0, 1000)); // beyond belief
  CHECK(SavePlan(prospect(End().at(-600, 600), c)).next_save(0, 1000)->start == 0);
  const auto at_once = SavePlan(prospect(End().at(100), Latency::fixed(0))).next_save(0, 0);
  REQUIRE(at_once);
  CHECK(at_once->expected == Approx(100).epsilon(.01)); // free saves: any time is as good
  const SavePlan doomed(prospect(End().dying(1), Latency::fixed(100)));
  CHECK_FALSE(doomed.next_save(0, 0)); // e^-100
  const SavePlan eternal(prospect(End(), c));
  REQUIRE(eternal.next_save(0, 0));
  CHECK(eternal.next_save(0, 0)->period > 3600);
  CHECK_FALSE(eternal.next_save(1e12, 0));
}

TEST_CASE("twelve hours are planned in 5 ms", "[saving]") {
  const auto c = Latency::log_student(std::log(30), .55, 9);
  const auto begin = std::clock(); // of this process: other tests run beside it
  constexpr int k_plans = 20;
  double sum = 0;
  for (int i = 0; i < k_plans; ++i) {
    const SavePlan plan(
        prospect(End().at(12 * k_hour, i % 2 * 600).dying(Hazard{}.after(i, 20 * k_hour)), c));
    sum += plan.next_save(0, 0)->start;
  }
  const double took = 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC / k_plans;
  std::printf("a plan for 12 h: %.2f ms\n", took);
  CHECK(sum > 0);
  CHECK(took < 4 * 5); // the machine may be slow; and asan
}
