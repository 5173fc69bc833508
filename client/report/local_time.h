// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"

#include <string>

/// Calendar of the machine's time zone, for people.
namespace gpujob::client {

/// "17:41"
std::string clock_text(WallTime t);
/// "17:41:10"
std::string second_text(WallTime t);
/// "Sat 21 Nov"
std::string day_text(WallTime t);
/// "Sat 21 Nov 17:41"
std::string minute_text(WallTime t);
/// "2026-11-21"
std::string date_text(WallTime t);
/// "CET"
std::string zone_text(WallTime t);

/// The midnight at or before `t`, and one `days` later than that.
WallTime midnight(WallTime t, int days = 0);

} // namespace gpujob::client
