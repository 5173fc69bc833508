// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/simulate/contestant.h"

namespace gpujob::simulate {

/// Seconds of one user's sessions, or of all.
struct Work {
  double durable = 0, length = 0;
};

/// Sessions that ended with nothing durable although a save at once would have been.
struct Misses {
  int possible = 0, missed = 0;
  double stated = 0; ///< the sum of the chances that were stated
};

/// How one contestant did.
struct Score {
  std::string name;
  Kind kind;
  std::vector<Work> all;  ///< by user
  std::vector<Work> late; ///< the same, only sessions that began after the planner's eighth save
  Misses misses;          ///< of the late ones
};

/// One set of laws, and what all made of it on the same sessions.
struct Cell {
  Laws laws;
  int sessions = 0, late_sessions = 0;
  std::vector<Score> scores;

  [[nodiscard]] const Score& of(Kind kind) const; ///< the first of that kind
};

inline constexpr std::size_t k_learned_saves = 8;

/// Whole users: `sessions` is rounded up. With sessions that were, each user has all of these, in
/// order.
Cell run_cell(const Laws& laws, int sessions, std::uint64_t seed,
              const std::vector<Recorded>& recorded = {});

/// Of sessions that were: the mean time between those ends that no cap explains.
std::optional<double> mean_between_deaths(const std::vector<Recorded>& recorded, double cap);

/// Durable work by session length.
double goodput(const std::vector<Work>& users);

/// A quotient of two goodputs over the same users, and its standard error: users are independent,
/// sessions of one user are not.
struct Ratio {
  double value, error;
};
Ratio ratio(const std::vector<Work>& over, const std::vector<Work>& under);

} // namespace gpujob::simulate
