// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <optional>
#include <vector>

namespace gpujob::policy {

/// When a job told of its progress: at the end of its steps, as far as we can know. Many loops save
/// only there. The shim passes on one word a second at most, so shorter steps look like a second;
/// what they cost a save is nothing either.
struct StepsTold {
  std::vector<BootTime> ends; ///< the newest, oldest first

  void tell(BootTime at);
  /// Seconds from a request until the step under way was over, if one ended before `saved`;
  /// nullopt: not known.
  [[nodiscard]] std::optional<double> rest_of_step(BootTime request, BootTime saved) const;

  /// Of its steps, where they have a length.
  struct Rhythm {
    double mean, sd; ///< seconds
    BootTime last;   ///< a step's end
  };
  /// nullopt: too few were told of, or they are of all lengths, or too short to matter.
  [[nodiscard]] std::optional<Rhythm> rhythm() const;
};

} // namespace gpujob::policy
