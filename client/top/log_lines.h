// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/model.h"

#include <string>
#include <string_view>
#include <vector>

namespace gpujob::client::top {

/// What is to be seen of a line of output: of what a progress bar has overwritten the last state,
/// tabs as spaces, no colours. Not yet printable.
std::string log_text(std::string_view line);

/// The lines of the end of a log. Of a first one that is cut off nothing is kept.
std::vector<std::string> last_lines(std::string_view bytes, bool cut_off);

/// Makes the lines what the file at `log.path` (empty: none yet) ends with now; it is read again
/// only when it has changed. A file that cannot be read has none.
void read_tail(Log& log);

} // namespace gpujob::client::top
