// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Text measured in a terminal's columns, and what is drawn with characters.
namespace gpujob::client::top {

/// How many columns a terminal gives a printable UTF-8 text: two for a wide character, none for one
/// that combines with what stands before it.
std::size_t columns(std::string_view text);

/// The characters to draw with: what a terminal shows that is not UTF-8 is ASCII alone.
struct Glyphs {
  bool utf8 = false;

  /// Fit for this terminal: printable, and without UTF-8 a question mark for what is not ASCII.
  [[nodiscard]] std::string shown(std::string_view text) const;
  /// At most `most` columns of what was shown(); where it is cut, its last column says so.
  [[nodiscard]] std::string cut(std::string_view shown, std::size_t most) const;
  /// Cut or filled with spaces to exactly `width` columns.
  [[nodiscard]] std::string padded(std::string_view shown, std::size_t width) const;
  /// Exactly `width` columns of which `part` (0 to 1) is full; empty where it is not known.
  [[nodiscard]] std::string bar(std::optional<double> part, std::size_t width) const;
  [[nodiscard]] std::string rule(std::size_t width) const;
};

/// Lines of a chart, each as wide as there are values, that shows each value (0 to 1) as a column;
/// nothing where a value is not known, and the least there is where it is 0.
std::vector<std::string> chart(const std::vector<std::optional<double>>& values, std::size_t height,
                               const Glyphs& glyphs);

/// Lines of at most `width` columns, broken anywhere: nothing of a log is left out. At least one.
std::vector<std::string> wrapped(std::string_view shown, std::size_t width);
/// The same broken at spaces where that is possible.
std::vector<std::string> wrapped_words(std::string_view shown, std::size_t width);

} // namespace gpujob::client::top
