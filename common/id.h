// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

namespace gpujob {

/// Eight characters of [0-9a-z] without i, l, o, u, the first a letter: unique over machines, since
/// jobs of several VMs meet in one durable directory (40 bits from getrandom(2)).
std::string random_id();

/// A job's name: 1..100 bytes of valid UTF-8, no slash, no control character, not "." or "..", no
/// leading "-" (it would read as an option). Errc::usage says which rule was broken.
Result<void> check_job_name(std::string_view name);

} // namespace gpujob
