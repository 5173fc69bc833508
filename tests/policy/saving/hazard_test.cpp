// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/end.h"
#include "daemon/policy/saving/hazard.h"
#include "tests/support/catch.h"

#include <cmath>

using namespace gpujob::saving;

TEST_CASE("few deaths teach a rate, and long lives unteach it", "[saving]") {
  const Hazard prior;
  CHECK(prior.after(3, 3 * 3600).mean_between() == Approx(4.0 / 3.1 * 3600));
  CHECK(prior.after(0, 24 * 3600).mean_between() > 200 * 3600);
  CHECK(prior.after(1, 3600).mean() > prior.after(0, 3600).mean());
}

TEST_CASE("living on is evidence: the rest of a plan agrees with a plan made later", "[saving]") {
  const Hazard now{.shape = 0.1, .rate = 3600};
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
