// SPDX-License-Identifier: Apache-2.0
#include "client/top/text.h"

#include "common/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace gpujob::client::top {

namespace {

struct Range {
  char32_t first, last;
};

// Not the C library's wcwidth(): it needs the locale, which is not there on every machine.
constexpr std::array k_without_width{
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489},  Range{0x0591, 0x05BD}, Range{0x0610, 0x061A},
    Range{0x064B, 0x065F}, Range{0x0E34, 0x0E3A},  Range{0x0E47, 0x0E4E}, Range{0x1AB0, 0x1AFF},
    Range{0x1DC0, 0x1DFF}, Range{0x200B, 0x200F},  Range{0x2028, 0x202E}, Range{0x2060, 0x2064},
    Range{0x2066, 0x2069}, Range{0x20D0, 0x20F0},  Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F},
    Range{0xFEFF, 0xFEFF}, Range{0xE0100, 0xE01EF}};
constexpr std::array k_wide{
    Range{0x1100, 0x115F},   Range{0x231A, 0x231B},   Range{0x23E9, 0x23EC},
    Range{0x2614, 0x2615},   Range{0x26A1, 0x26A1},   Range{0x2705, 0x2705},
    Range{0x274C, 0x274C},   Range{0x2728, 0x2728},   Range{0x2B50, 0x2B50},
    Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},   Range{0xA960, 0xA97C},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};

template <typename Ranges>
bool within(const Ranges& ranges, char32_t c) {
  const auto it = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return it != ranges.begin() && c <= std::prev(it)->last;
}

struct Character {
  std::size_t bytes, columns;
};

/// The first character of a text that is UTF-8.
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) {
    return {1, 1};
  }
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes && i < text.size(); ++i) {
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const std::size_t width = within(k_without_width, code) ? 0 : within(k_wide, code) ? 2 : 1;
  return {std::min(bytes, text.size()), width};
}

/// How many bytes of it fill at most `most` columns.
std::size_t bytes_within(std::string_view text, std::size_t most) {
  std::size_t bytes = 0, filled = 0;
  while (bytes < text.size()) {
    const auto c = first_of(text.substr(bytes));
    if (filled + c.columns > most) {
      break;
    }
    bytes += c.bytes;
    filled += c.columns;
  }
  return bytes;
}

std::string repeated(std::string_view what, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) {
    out += what;
  }
  return out;
}

/// One row of a chart's column: how many eighths of it are filled.
std::string_view cell(std::size_t eighths, const Glyphs& glyphs) {
  constexpr std::array<std::string_view, 9> k_blocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 9> k_ascii{" ", "_", ".", ".", "-", "=", "+", "*", "#"};
  return (glyphs.utf8 ? k_blocks : k_ascii)[std::min<std::size_t>(eighths, 8)];
}

} // namespace

std::size_t columns(std::string_view text) {
  std::size_t out = 0;
  while (!text.empty()) {
    const auto c = first_of(text);
    out += c.columns;
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string Glyphs::shown(std::string_view text) const {
  auto out = printable(text);
  if (utf8) {
    return out;
  }
  std::string ascii;
  for (std::string_view rest = out; !rest.empty();) {
    const auto c = first_of(rest);
    ascii += c.bytes == 1 ? std::string(1, rest.front()) : std::string(c.columns, '?');
    rest.remove_prefix(c.bytes);
  }
  return ascii;
}

std::string Glyphs::cut(std::string_view text, std::size_t most) const {
  if (columns(text) <= most) {
    return std::string(text);
  }
  if (most == 0) {
    return {};
  }
  return std::string(text.substr(0, bytes_within(text, most - 1))) + (utf8 ? "…" : "~");
}

std::string Glyphs::padded(std::string_view text, std::size_t width) const {
  auto out = cut(text, width);
  out.append(width - std::min(columns(out), width), ' ');
  return out;
}

std::string Glyphs::bar(std::optional<double> part, std::size_t width) const {
  const auto inner = utf8 ? width : width - std::min<std::size_t>(width, 2);
  const auto known = part && std::isfinite(*part);
  const auto full = static_cast<std::size_t>(
      std::lround(std::clamp(known ? *part : 0.0, 0.0, 1.0) * static_cast<double>(inner)));
  const auto filled = repeated(utf8 ? "█" : "#", full);
  const auto rest = repeated(!known ? " " : utf8 ? "░" : "-", inner - full);
  return utf8 || width < 2 ? filled + rest : "[" + filled + rest + "]";
}

std::string Glyphs::rule(std::size_t width) const {
  return repeated(utf8 ? "─" : "-", width);
}

std::vector<std::string> chart(const std::vector<std::optional<double>>& values, std::size_t height,
                               const Glyphs& glyphs) {
  std::vector<std::string> rows(height);
  for (const auto& value : values) {
    const auto most = 8 * height;
    const auto part = value ? std::clamp(*value, 0.0, 1.0) : 0.0;
    const auto eighths =
        value ? std::max<std::size_t>(
                    static_cast<std::size_t>(std::lround(part * static_cast<double>(most))), 1)
              : 0;
    for (std::size_t row = 0; row < height; ++row) {
      const auto below = 8 * (height - 1 - row);
      rows[row] += cell(eighths - std::min(eighths, below), glyphs);
    }
  }
  return rows;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> out;
  do {
    // A character that is wider than the window must not hold it up for ever.
    const auto bytes = text.empty() ? 0 : std::max(bytes_within(text, width), first_of(text).bytes);
    out.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  } while (!text.empty());
  return out;
}

std::vector<std::string> wrapped_words(std::string_view text, std::size_t width) {
  std::vector<std::string> out(1);
  for (const auto& word : split(text, ' ')) {
    if (!out.back().empty() && columns(out.back()) + 1 + columns(word) > width) {
      out.emplace_back();
    }
    out.back() += (out.back().empty() ? "" : " ") + word;
    if (columns(out.back()) > width) {
      auto pieces = wrapped(out.back(), width);
      out.pop_back();
      out.insert(out.end(), pieces.begin(), pieces.end());
    }
  }
  return out;
}

} // namespace gpujob::client::top
