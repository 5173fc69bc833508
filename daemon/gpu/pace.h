// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <cstdint>

/// How soon to look at the GPUs again. Pure.
namespace gpujob::gpu {

class Pace {
public:
  enum class Found : std::uint8_t {
    change,  ///< something goes on
    quiet,   ///< GPUs at which nothing has changed
    nothing, ///< no GPU
    failure, ///< no answer
  };

  /// The wait until the next look after one that found this.
  Duration after(Found found);
  /// The wait that after() returned last; zero: there was no look yet.
  [[nodiscard]] Duration current() const { return m_current; }
  /// Something is about to happen.
  void hurry() { m_quiet = 0; }

private:
  int m_quiet = 0;    ///< quiet looks in a row
  int m_failures = 0; ///< in a row
  Duration m_current{};
};

} // namespace gpujob::gpu
