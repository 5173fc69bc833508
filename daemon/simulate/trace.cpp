// SPDX-License-Identifier: Apache-2.0
#include "daemon/simulate/trace.h"

#include "daemon/policy/saving/special.h"

#include <algorithm>
#include <cmath>

namespace gpujob::simulate {

namespace {

/// Steele, Lea, Flood 2014 ("splitmix64"): its output step alone is a good hash.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// What a session's numbers are for; its saves come after.
constexpr std::uint64_t k_cap = 0, k_death = 1, k_first_save = 2;
constexpr std::uint64_t k_of_users = 0x75736572; // another row of numbers than the sessions'

} // namespace

double Laws::mean_save() const {
  return save_median * std::exp(sigma * sigma / 2);
}

double uniform(std::uint64_t key, std::uint64_t i) {
  return (static_cast<double>(mix(key ^ mix(i)) >> 12) + 0.5) / 4503599627370496.0; // 2^52
}

double prior_error(std::uint64_t seed, std::uint64_t user) {
  return std::exp(0.5 * saving::normal_quantile(uniform(mix(seed) ^ mix(k_of_users), user)));
}

Session::Session(const Laws& laws, std::uint64_t seed, std::uint64_t number)
    : m_length(laws.cap), m_cap(laws.cap), m_median(laws.save_median), m_sigma(laws.sigma),
      m_key(mix(mix(seed) + number)) {
  m_length += laws.end_sd * saving::normal_quantile(uniform(m_key, k_cap));
  if (laws.mtbf) {
    m_length = std::min(m_length, -*laws.mtbf * std::log(uniform(m_key, k_death)));
  }
  m_length = std::max(m_length, 1.0);
}

Session::Session(const Laws& laws, std::uint64_t seed, std::uint64_t number,
                 const Recorded& recorded)
    : Session(laws, seed, number) {
  m_length = recorded.length;
  m_cap = recorded.cap.value_or(laws.cap);
}

double Session::save(std::size_t i) const {
  while (m_saves.size() <= i) {
    const double u = uniform(m_key, k_first_save + m_saves.size());
    m_saves.push_back(m_median * std::exp(m_sigma * saving::normal_quantile(u)));
  }
  return m_saves[i];
}

} // namespace gpujob::simulate
