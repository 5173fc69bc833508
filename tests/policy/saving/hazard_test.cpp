// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/end.h"
#include "daemon/policy/saving/hazard.h"
#include "tests/support/catch.h"

#include <cmath>
#include <vector>

using namespace gpujob::saving;

TEST_CASE("of one kind the rate is a Gamma's mean", "[saving]") {
  const auto hazard = Hazard::of(2, 7200);
  CHECK(hazard.after(3, 3600).mean_between() == Approx(10800.0 / 5));
  CHECK(hazard.survival(7200) == Approx(.25));
}

TEST_CASE("few deaths teach a rate, and long lives unteach it", "[saving]") {
  const Hazard prior;
  CHECK(prior.after(3, 3 * 3600).mean_between() == Approx(3600).epsilon(.1));
  CHECK(prior.after(0, 24 * 3600).mean_between() > 100 * 3600);
  CHECK(prior.after(0, 240 * 3600).mean_between() > 5000 * 3600);
  CHECK(prior.after(1, 3600).mean() > prior.after(0, 3600).mean());
  // A single death after ten quiet days is one, not the end of all trust.
  CHECK(prior.after(1, 240 * 3600).mean_between() > 60 * 3600);
  CHECK(prior.after(1000, 1000 * 3600).mean_between() == Approx(3600).epsilon(.01));
}

TEST_CASE("the weights follow Bayes' rule", "[saving]") {
  // P(no death in t | kind) = (rate / (rate + t))^shape.
  const Hazard prior{{{{.5, 1, 100}, {.5, 2, 100}}}};
  const auto later = prior.after(0, 100);
  CHECK(later.kinds[0].weight == Approx(.5 / (.5 + .25)));
}

TEST_CASE("living on is evidence: the rest of a plan agrees with a plan made later", "[saving]") {
  const Hazard now;
  const auto later = now.after(0, 7200);
  CHECK(now.survival(7200 + 900) / now.survival(7200) == Approx(later.survival(900)));
}

TEST_CASE("an end near a fuzzy cap is no death, one far before it is", "[saving]") {
  CHECK(death_share(3600, 43200, 600, 1e-5) > .999);
  CHECK(death_share(43200, 43200, 600, 1e-5) < .01);
  CHECK(death_share(43200, 43200, 600, 0) == 0);
  CHECK(death_share(43190, 43200, 0, 1e-5) == 0);
  CHECK(death_share(40000, 43200, 0, 1e-5) == 1);
}

TEST_CASE("a bathtub kills early and late, and all at its cap", "[saving]") {
  const Bathtub law;
  CHECK(law.survival(0) == Approx(1));
  const auto rate = [&](double age) {
    return (law.survival(age) - law.survival(age + 60)) / law.survival(age) / 60;
  };
  CHECK(rate(0) > 20 * rate(12 * 3600));
  CHECK(rate(23.5 * 3600) > 20 * rate(12 * 3600));
  CHECK(law.survival(12 * 3600) == Approx(.55).epsilon(.001)); // 1 - A: the flat of it
  CHECK(law.survival(24 * 3600) == 0);
}

TEST_CASE("an end's survival never rises, and is of all causes", "[saving]") {
  End ends[4];
  ends[0].at(40000).dying(1e-5);
  ends[1].at(40000, 600).dying(Hazard{});
  ends[2].bathtub(Bathtub{}, 3000);
  ends[3].at(-100, 600); // it is late already
  for (const auto& end : ends) {
    CHECK(end.survival(0) == Approx(1));
    double before = 1;
    for (double t = 0; t < 90000; t += 100) {
      CHECK(end.survival(t) <= before + 1e-12);
      before = end.survival(t);
    }
    CHECK(before < .2);
  }
  CHECK(ends[0].survival(20000) == Approx(std::exp(-.2)));
  CHECK(ends[0].survival(40000) == 0);
  CHECK(ends[0].gradual(40000) == Approx(std::exp(-.4)));
}

TEST_CASE("deaths seen move a bathtub's share, as far as they are many", "[saving]") {
  const Bathtub published;
  CHECK(published.after({}).share == Approx(.45).epsilon(.01));
  std::vector<Bathtub::Life> lives(40, {12.0 * 3600, false}); // all came past the young's deaths
  const auto safe = published.after(lives);
  CHECK(safe.share < .15);
  CHECK(safe.survival(12 * 3600) > .85);
  lives.assign(40, {1800, true});
  CHECK(published.after(lives).share > .47);
  const auto one = published.after(std::vector<Bathtub::Life>(1, {1800, true}));
  CHECK(one.share > .45);
  CHECK(one.share <= .5);
  // What cannot be is no reason to break: of no age, older than the cap, a negative one.
  for (const double age : {0.0, 90000.0, -5.0}) {
    const auto law = published.after(std::vector<Bathtub::Life>{{age, true}, {age, false}});
    CHECK(law.share > 0);
    CHECK(law.share <= .5);
  }
}
