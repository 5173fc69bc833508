// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/feed.h"
#include "client/top/model.h"
#include "common/result.h"
#include "common/time.h"

#include <string>
#include <vector>

namespace gpujob::client::top {

/// The live picture on the terminal of stdin and stdout, until it is left: the program's exit code.
/// Asks every `interval`. However it ends, the terminal is as it was.
Result<int> run_live(Feed& feed, Model& model, Duration interval,
                     const std::vector<std::string>& environment);

} // namespace gpujob::client::top
