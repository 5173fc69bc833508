// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <cstdint>
#include <deque>
#include <optional>

/// Memory that fills up: when it will be full, if it goes on like this.
namespace gpujob::limits {

class MemoryWatch {
public:
  void look(std::int64_t used_bytes, std::int64_t limit_bytes, BootTime now);

  /// How long until it is full at the pace of the last minute; nullopt: it does not grow, or there
  /// is too little to judge by.
  [[nodiscard]] std::optional<Duration> until_full() const;

  /// True once for each time that it comes near: full within `lead`, or to nine tenths and growing.
  /// It is far again below eight tenths
  /// and not full within twice the lead.
  bool comes_near(Duration lead);

private:
  struct Look {
    BootTime at{};
    std::int64_t used = 0;
  };
  std::deque<Look> m_looks; ///< of the last minute
  std::int64_t m_limit = 0;
  bool m_near = false;
};

} // namespace gpujob::limits
