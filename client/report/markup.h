// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gpujob::client {

/// For a page or a picture, as text or in a quoted attribute: printable, and no markup.
std::string escape_markup(std::string_view text);

/// For a line of Markdown, also in a table: nothing of it is markup.
std::string escape_markdown(std::string_view text);

/// "97.3 %", "100 %"; not 100 when something is missing.
std::string percent_text(double percent);

} // namespace gpujob::client
