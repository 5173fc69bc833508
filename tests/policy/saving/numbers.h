// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/saving/special.h"

#include <random>

/// Random numbers that are the same everywhere: std::normal_distribution's are not specified.
class Numbers {
public:
  explicit Numbers(unsigned seed) : m_engine(seed) {}
  double uniform() { return (static_cast<double>(m_engine()) + .5) / 4294967296.0; }
  double normal() { return gpujob::saving::normal_quantile(uniform()); }

private:
  std::mt19937 m_engine;
};
