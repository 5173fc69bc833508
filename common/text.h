// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob {

/// Without white space at both ends.
std::string_view trim(std::string_view s);

/// Splits at every `separator`; an empty text gives no parts.
std::vector<std::string> split(std::string_view s, char separator);

bool is_utf8(std::string_view s);

/// For people: control bytes and invalid UTF-8 become \xNN, so a terminal is never driven by data.
std::string printable(std::string_view s);

/// Arguments as a shell would take them, printable.
std::string shell_words(const std::vector<std::string>& words);

/// A whole decimal number, nothing before or after it.
std::optional<long long> parse_int(std::string_view s);

/// "1.5 GB" and the like, for people; SI units.
std::string format_bytes(unsigned long long bytes);

} // namespace gpujob
