// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace gpujob {

namespace {

/// Length of the valid UTF-8 sequence at the start of `s`, 0 when there is none (RFC 3629).
std::size_t utf8_sequence(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || s.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool too_large = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

} // namespace

std::string_view trim(std::string_view s) {
  constexpr std::string_view k_space = " \t\r\n\f\v";
  const auto first = s.find_first_not_of(k_space);
  if (first == std::string_view::npos) {
    return {};
  }
  return s.substr(first, s.find_last_not_of(k_space) - first + 1);
}

std::vector<std::string> split(std::string_view s, char separator) {
  std::vector<std::string> parts;
  while (!s.empty()) {
    const auto at = s.find(separator);
    parts.emplace_back(s.substr(0, at));
    if (at == std::string_view::npos) {
      break;
    }
    s.remove_prefix(at + 1);
  }
  return parts;
}

bool is_utf8(std::string_view s) {
  while (!s.empty()) {
    const auto length = utf8_sequence(s);
    if (length == 0) {
      return false;
    }
    s.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view s) {
  std::string out;
  while (!s.empty()) {
    const auto length = utf8_sequence(s);
    const auto first = static_cast<unsigned char>(s[0]);
    // C1 controls (U+0080..U+009F) drive some terminals too.
    const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(s[1]) < 0xA0;
    if (length == 0 || first < 0x20 || first == 0x7F || c1) {
      const std::size_t bytes = c1 ? 2 : 1;
      for (std::size_t i = 0; i < bytes; ++i) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(s[i]));
      }
      s.remove_prefix(bytes);
    } else {
      out += s.substr(0, length);
      s.remove_prefix(length);
    }
  }
  return out;
}

std::string shell_words(const std::vector<std::string>& words) {
  constexpr std::string_view k_plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) {
      out += ' ';
    }
    if (!word.empty() && word.find_first_not_of(k_plain) == std::string::npos) {
      out += word;
      continue;
    }
    out += '\'';
    for (char c : word) {
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    out += '\'';
  }
  return printable(out);
}

std::optional<long long> parse_int(std::string_view s) {
  long long value = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (ec != std::errc{} || end != s.data() + s.size() || s.empty()) {
    return std::nullopt;
  }
  return value;
}

std::string format_bytes(unsigned long long bytes) {
  constexpr const char* k_units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(k_units)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.3g} {}", value, k_units[unit]);
}

} // namespace gpujob
