// SPDX-License-Identifier: Apache-2.0
#include "client/top/frame.h"

#include <utility>

namespace gpujob::client::top {

LineBuilder& LineBuilder::add(std::string_view text, Style style) {
  return drawn(m_glyphs->cut(m_glyphs->shown(text), room()), style);
}

LineBuilder& LineBuilder::field(std::string_view text, std::size_t columns, Style style) {
  return drawn(m_glyphs->padded(m_glyphs->shown(text), std::min(columns, room())), style);
}

LineBuilder& LineBuilder::drawn(std::string text, Style style) {
  if (columns(text) > room()) {
    text = m_glyphs->cut(text, room());
  }
  if (!text.empty()) {
    m_used += columns(text);
    m_line.push_back({std::move(text), style});
  }
  return *this;
}

LineBuilder& LineBuilder::right(std::string_view text, Style style) {
  auto shown = m_glyphs->shown(text);
  const auto width = columns(shown);
  if (width + 1 <= room()) {
    drawn(std::string(room() - width, ' '));
    drawn(std::move(shown), style);
  }
  return *this;
}

LineBuilder& LineBuilder::fill(Style style) {
  return drawn(std::string(room(), ' '), style);
}

std::string plain_text(const Frame& frame) {
  std::string out;
  for (const auto& line : frame) {
    for (const auto& span : line) {
      out += span.text;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

} // namespace gpujob::client::top
