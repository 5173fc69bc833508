// SPDX-License-Identifier: Apache-2.0
#include "client/instant.h"

#include "common/duration.h"

namespace gpujob::client {

std::string relative(WallTime at, WallTime now) {
  const auto distance = at - now;
  if (std::chrono::abs(distance) < std::chrono::seconds{1}) {
    return "now";
  }
  return distance > Duration::zero() ? "in " + format_duration(distance)
                                     : format_duration(-distance) + " ago";
}

} // namespace gpujob::client
