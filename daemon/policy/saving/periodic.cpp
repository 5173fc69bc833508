// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/saving/periodic.h"

#include "daemon/policy/saving/special.h"

#include <cmath>

namespace gpujob::saving {

double young_interval(const Interruptions& life) {
  return std::sqrt(2 * life.save_cost * life.mean_between);
}

double young_waste(const Interruptions& life) {
  return std::sqrt(2 * life.save_cost / life.mean_between);
}

double daly_interval(const Interruptions& life) {
  if (life.save_cost >= 2 * life.mean_between) {
    return life.mean_between;
  }
  const double ratio = life.save_cost / (2 * life.mean_between);
  return young_interval(life) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - life.save_cost;
}

double exact_interval(const Interruptions& life) {
  const double ratio = life.save_cost / life.mean_between;
  return life.mean_between * (1 + lambert_w0(-std::exp(-ratio - 1)));
}

double wall_time(const Interruptions& life, double work, double interval) {
  const double m = life.mean_between;
  return m * std::exp(life.restart_cost / m) * std::expm1((interval + life.save_cost) / m) * work /
         interval;
}

EvenSaves even_saves(double cap, double save_cost, double interval) {
  const double round = interval + save_cost;
  // A billionth of a round is the rounding of a cap that is a whole number of them.
  const double saves = std::floor(cap / round + 1e-9);
  return {static_cast<int>(saves), saves * round, cap - saves * round};
}

double interval_of_even_saves(double cap, double save_cost, int saves) {
  return cap / saves - save_cost;
}

} // namespace gpujob::saving
