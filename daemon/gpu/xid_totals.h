// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/gpu/look.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gpujob::gpu {

/// Counts Xids over all probes: each tells of those since it began. Pure.
class XidTotals {
public:
  /// Makes the counts of `look` those since the first one; they never fall.
  void carry(Look& look);

private:
  struct Seen {
    std::int64_t by_probe = 0, total = 0;
    std::optional<std::int64_t> last;
  };
  std::map<std::string, Seen> m_seen; ///< by the device's key
};

} // namespace gpujob::gpu
