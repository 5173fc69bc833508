// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/top/text.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// A picture of the screen, before there is a terminal.
namespace gpujob::client::top {

/// How a text stands out. Nothing is said by it alone: there may be no colours.
enum class Style : std::uint8_t { plain, dim, strong, selected, good, warning, bad, accent };

struct Span {
  std::string text; ///< fit for this terminal
  Style style = Style::plain;
};

using Line = std::vector<Span>;
using Frame = std::vector<Line>; ///< one for each row of the screen, from its top

/// Builds one line that never is wider than `width`.
class LineBuilder {
public:
  LineBuilder(std::size_t width, const Glyphs& glyphs) : m_width(width), m_glyphs(&glyphs) {}

  /// Text from anywhere: made fit for the terminal, and cut to what is left of the line.
  LineBuilder& add(std::string_view text, Style style = Style::plain);
  /// The same in exactly so many columns.
  LineBuilder& field(std::string_view text, std::size_t columns, Style style = Style::plain);
  /// What was drawn by us, as it is.
  LineBuilder& drawn(std::string text, Style style = Style::plain);
  /// At the right edge, if there is room for it and a space before it.
  LineBuilder& right(std::string_view text, Style style = Style::plain);
  [[nodiscard]] std::size_t room() const { return m_width - m_used; }
  /// Spaces to the right edge included.
  LineBuilder& fill(Style style);
  Line line() { return std::move(m_line); }

private:
  std::size_t m_width, m_used = 0;
  const Glyphs* m_glyphs;
  Line m_line;
};

/// Without styles, a line of text each; spaces at their ends are left out.
std::string plain_text(const Frame& frame);

} // namespace gpujob::client::top
