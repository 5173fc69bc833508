// SPDX-License-Identifier: Apache-2.0
#include "client/render/table.h"

#include "common/text.h"

#include <algorithm>
#include <utility>

namespace gpujob::client {

namespace {

/// Columns a terminal needs for it, near enough: one per code point.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void append_padded(std::string& out, const std::string& cell, std::size_t columns) {
  out += cell;
  out.append(columns + 2 - std::min(width(cell), columns), ' ');
}

/// Lines of at most `most` columns, broken at spaces; 0: one line.
std::vector<std::string> broken(const std::string& text, std::size_t most) {
  std::vector<std::string> lines(1);
  for (const auto& word : split(text, ' ')) {
    auto& line = lines.back();
    if (most > 0 && !line.empty() && width(line) + 1 + width(word) > most) {
      lines.push_back(word);
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return lines;
}

} // namespace

std::string cut_cell(const std::string& text, std::size_t most) {
  const auto shown = printable(text);
  if (shown.size() <= most) {
    return shown;
  }
  auto end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) {
    --end; // never in the middle of a character
  }
  return shown.substr(0, end) + "~";
}

std::string render_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    auto& shown = cells.emplace_back();
    for (const auto& cell : row) {
      shown.push_back(printable(cell));
      widths.resize(std::max(widths.size(), shown.size()));
      auto& column = widths[shown.size() - 1];
      column = std::max(column, width(shown.back()));
    }
  }
  std::string out;
  for (const auto& row : cells) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      append_padded(out, row[i], widths[i]);
    }
    out += row.back();
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

void FactSheet::add(const std::string& label, const std::string& value) {
  if (!value.empty()) {
    m_lines.emplace_back(printable(label), printable(value));
  }
}

std::string FactSheet::text() const {
  return text(0);
}

std::string FactSheet::wrapped() const {
  constexpr std::size_t k_terminal = 80;
  return text(k_terminal);
}

std::string FactSheet::text(std::size_t columns) const {
  std::size_t column = 0;
  for (const auto& [label, value] : m_lines) {
    column = std::max(column, width(label));
  }
  std::string out;
  for (const auto& [label, value] : m_lines) {
    auto left = label;
    for (const auto& line : broken(value, columns > column + 2 ? columns - column - 2 : 0)) {
      append_padded(out, std::exchange(left, {}), column);
      out += line + "\n";
    }
  }
  return out;
}

} // namespace gpujob::client
