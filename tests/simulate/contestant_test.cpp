// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/contestant.h"
#include "daemon/simulate/planners.h"
#include "daemon/simulate/run.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <cmath>

using namespace gpujob::simulate;

namespace {

constexpr double k_hour = 3600;

const Score& score(const Cell& cell, const std::string& name) {
  return *std::find_if(cell.scores.begin(), cell.scores.end(),
                       [&](const Score& s) { return s.name == name; });
}

} // namespace

TEST_CASE("sessions are the same for the same seed, whoever asks first", "[simulate]") {
  const Laws laws{.mtbf = 6 * k_hour};
  const Session one(laws, 7, 3);
  const Session other(laws, 7, 3);
  const double fifth = one.save(4);
  CHECK(other.save(0) == one.save(0));
  CHECK(other.save(4) == fifth);
  CHECK(other.length() == one.length());
  CHECK(Session(laws, 8, 3).length() != one.length());
  CHECK(Session(laws, 7, 4).save(0) != one.save(0));
}

TEST_CASE("sessions follow their laws", "[simulate]") {
  const Laws laws{
      .cap = 12 * k_hour, .end_sd = 600, .save_median = 40, .sigma = .5, .mtbf = 6 * k_hour};
  constexpr int k_count = 20000;
  int beyond_mean_life = 0, slow = 0;
  double squares = 0;
  for (int i = 0; i < k_count; ++i) {
    const Session s(laws, 1, static_cast<std::uint64_t>(i));
    beyond_mean_life += s.length() > 6 * k_hour ? 1 : 0;
    slow += s.save(0) > 40 ? 1 : 0;
    squares += std::pow(std::log(s.save(1) / 40), 2);
  }
  CHECK(beyond_mean_life == Approx(k_count * std::exp(-1)).epsilon(.04));
  CHECK(slow == Approx(k_count * .5).epsilon(.04));
  CHECK(std::sqrt(squares / k_count) == Approx(.5).epsilon(.03));
}

TEST_CASE("sessions that were are played as they were, their saves made up", "[simulate]") {
  const std::vector<Recorded> were{{3600, 7200.0}, {7200, 7200.0}, {1800, std::nullopt}};
  CHECK(*mean_between_deaths(were, 12 * k_hour) == Approx(12600.0 / 2));
  CHECK_FALSE(mean_between_deaths({{7200, 7200.0}}, 12 * k_hour));
  const auto cell = run_cell({.save_median = 50, .sigma = 0, .mtbf = {}}, 9, 1, were);
  CHECK(cell.sessions == 9);
  for (const auto& s : cell.scores) {
    REQUIRE(s.all.size() == 3);
    CHECK(s.all[0].length == 12600);
  }
  // Only the second one reaches its cap.
  CHECK(score(cell, "60 s before the end").all[0].durable == 7200 - 60);
  CHECK(score(cell, "every 10 min").all[0].durable == 600 * (5 + 11 + 2));
}

TEST_CASE("what simple rules bring follows by hand when nothing is random", "[simulate]") {
  const auto cell = run_cell({.save_median = 50, .sigma = 0, .mtbf = {}}, 30, 1);
  constexpr double k_cap = 12 * k_hour;
  CHECK(goodput(score(cell, "no checkpoint").all) == 0);
  CHECK(goodput(score(cell, "30 s before the end").all) == 0); // it takes 50
  CHECK(goodput(score(cell, "60 s before the end").all) == Approx((k_cap - 60) / k_cap));
  // 66 rounds of 650 s end within 43200 s.
  CHECK(goodput(score(cell, "every 10 min").all) == Approx(66 * 600 / k_cap));
  CHECK(goodput(score(cell, "who knows the future").all) == Approx((k_cap - 50) / k_cap));
}

TEST_CASE("nobody is better than who knows the future", "[simulate]") {
  for (const double sd : {0.0, 600.0}) {
    const auto cell = run_cell({.end_sd = sd, .save_median = 60, .mtbf = 3 * k_hour}, 300, 3);
    const auto& best = cell.of(Kind::bound);
    for (const auto& s : cell.scores) {
      for (std::size_t user = 0; user < s.all.size(); ++user) {
        CHECK(s.all[user].durable <= best.all[user].durable + 1e-6);
        CHECK(s.all[user].length == best.all[user].length);
      }
    }
  }
}

TEST_CASE("a learner forgets everything with its user", "[simulate]") {
  const Laws laws;
  Learner learner(laws, 1);
  learner.new_user(0);
  learner.session_begins(Session(laws, 1, 0));
  const auto before = learner.next_save(0, 0);
  learner.saved(1000, 500);
  learner.session_ended(1200);
  learner.session_begins(Session(laws, 1, 1));
  CHECK(learner.saves_seen() == 1);
  CHECK(learner.next_save(0, 0) != before);
  learner.new_user(0);
  learner.session_begins(Session(laws, 1, 0));
  CHECK(learner.saves_seen() == 0);
  CHECK(learner.next_save(0, 0) == before);
}

TEST_CASE("deaths make a learner save more often, quiet sessions less", "[simulate]") {
  const Laws laws;
  const auto first = [&](double length) {
    Learner learner(laws, 1);
    learner.new_user(0);
    for (std::uint64_t i = 0; i < 10; ++i) {
      learner.session_begins(Session(laws, 1, i));
      learner.saved(100, 30);
      learner.session_ended(length);
    }
    learner.session_begins(Session(laws, 1, 10));
    return *learner.next_save(0, 0);
  };
  CHECK(first(2000) < 1200);
  CHECK(first(12 * k_hour) > 6 * k_hour);
}
