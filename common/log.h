// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gpujob {

/// One line to stderr with the wall time in front; for a daemon or shim stderr is its log file.
/// Never pass environments or secrets. One write(2), so lines of several processes stay whole.
void log_line(std::string_view text);

} // namespace gpujob
