// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/zones.h"

#include "common/text.h"

#include <fmt/format.h>

namespace gpujob::platform {

Result<limits::Zone> load_zone(const std::string& name) {
  limits::Zone zone;
  if (!absl::LoadTimeZone(name, &zone)) {
    return Error{
        Errc::not_found,
        fmt::format("time zone: {}: is not known here: install tzdata, if the name is right",
                    printable(name))};
  }
  return zone;
}

} // namespace gpujob::platform
