// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/recipe.h"
#include "daemon/shim/targets.h"

#include <string>
#include <string_view>
#include <vector>

namespace gpujob::shim {

struct Detected {
  const Recipe* recipe = nullptr; ///< never null
  std::string why;
};

/// What the job is taken for. From outside only its command lines can be seen: a framework that is
/// switched on within a script (and Lightning and Keras are: pure Python leaves nothing in
/// /proc/PID/maps) has to be named by the user. `chosen`: --recipe.
Detected detect(std::string_view chosen, const std::vector<Candidate>& candidates);

} // namespace gpujob::shim
