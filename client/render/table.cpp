// SPDX-License-Identifier: Apache-2.0
#include "client/render/table.h"

#include "common/text.h"

#include <algorithm>

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

} // namespace

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

void FactSheet::add(std::string label, const std::string& value) {
  if (!value.empty()) {
    m_lines.emplace_back(std::move(label), printable(value));
  }
}

std::string FactSheet::text() const {
  std::size_t column = 0;
  for (const auto& [label, value] : m_lines) {
    column = std::max(column, width(label));
  }
  std::string out;
  for (const auto& [label, value] : m_lines) {
    append_padded(out, label, column);
    out += value + "\n";
  }
  return out;
}

} // namespace gpujob::client
