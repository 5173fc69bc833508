// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace gpujob::client {

/// What `kaggle quota -v` prints (kaggle-cli 2.2.1 and later): CSV with the columns resource, used,
/// remaining, total and refreshAt, in any order. Times are hours ("27.5"), spans ("12h 30m",
/// "108000s") or "HH:MM:SS". Entries for `quota.say`, one for each row of a GPU or TPU; an error
/// names the row and the column.
Result<nlohmann::json> read_kaggle_quota(std::string_view csv);

} // namespace gpujob::client
