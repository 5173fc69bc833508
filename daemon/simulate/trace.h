// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Sessions that never were: the same ones for every policy. Seconds as `double`, as in the room of
/// saving, whose code is what is tried on them.
namespace gpujob::simulate {

/// The laws that sessions and saves follow.
struct Laws {
  double cap = 12 * 3600;
  double end_sd = 0; ///< of the cap; 0: sharp
  double save_median = 30;
  double sigma = 0.5;         ///< of a save's logarithm
  std::optional<double> mtbf; ///< mean time between unannounced deaths; nullopt: none

  [[nodiscard]] double mean_save() const;
};

/// A session that was: when it ended, and when it had to at the latest, seconds from its start.
struct Recorded {
  double length;
  std::optional<double> cap; ///< nullopt: not known
};

/// A user is so many sessions in a row on one platform: what is learned carries over within them.
inline constexpr int k_sessions_of_user = 30;

/// One session: when it ends, and how long each of its saves takes. Its numbers follow from the
/// seed and its own number alone, whatever the laws and whoever asks first.
class Session {
public:
  Session(const Laws& laws, std::uint64_t seed, std::uint64_t number);
  /// One that was, with saves that were not: how long they took is not kept.
  Session(const Laws& laws, std::uint64_t seed, std::uint64_t number, const Recorded& recorded);

  [[nodiscard]] double length() const { return m_length; }
  [[nodiscard]] double cap() const { return m_cap; } ///< as it is known beforehand
  /// Seconds that the i-th save of this session takes, the first being 0.
  [[nodiscard]] double save(std::size_t i) const;

private:
  double m_length, m_cap;
  mutable std::vector<double> m_saves; ///< those that somebody asked for
  double m_median = 0, m_sigma = 0;
  std::uint64_t m_key = 0;
};

/// A number in (0, 1), the same for the same arguments.
double uniform(std::uint64_t key, std::uint64_t i);
/// How far a user's prior idea of the storage's speed is off, as a factor: lognormal, sigma 0.5.
double prior_error(std::uint64_t seed, std::uint64_t user);

} // namespace gpujob::simulate
