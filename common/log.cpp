// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include "common/clock.h"
#include "common/text.h"

#include <fmt/format.h>
#include <unistd.h>

namespace gpujob {

void log_line(std::string_view text) {
  const auto line = fmt::format("{} {}\n", format_rfc3339(read_clocks().wall), printable(text));
  // Nothing can be done about a log that cannot be written.
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace gpujob
