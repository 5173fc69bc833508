// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace gpujob::client {

/// Rows in columns two spaces apart, the first row the heading; cells become printable. The last
/// column is not padded.
std::string render_table(const std::vector<std::vector<std::string>>& rows);

/// Printable, and `most` bytes at most: what is cut off shows as a ~ at the end.
std::string cut_cell(const std::string& text, std::size_t most);

/// "label   value" lines with the values in one column; an empty label continues the value above.
class FactSheet {
public:
  /// Leaves the line out when `value` is empty. Both become printable.
  void add(const std::string& label, const std::string& value);
  [[nodiscard]] std::string text() const;
  /// Broken at spaces so that it fits a terminal of 80 columns; a word that is longer stays whole.
  [[nodiscard]] std::string wrapped() const;

private:
  [[nodiscard]] std::string text(std::size_t columns) const;

  std::vector<std::pair<std::string, std::string>> m_lines;
};

} // namespace gpujob::client
