// SPDX-License-Identifier: Apache-2.0
#include "client/report/markup.h"

#include "common/text.h"

#include <cmath>
#include <fmt/format.h>

namespace gpujob::client {

namespace {

/// The entity that stands for what would be markup; empty: it stands for itself.
std::string_view entity_of(char c) {
  switch (c) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '"':
    return "&quot;";
  case '\'':
    return "&#39;";
  default:
    return {};
  }
}

} // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (const auto entity = entity_of(c); !entity.empty()) {
      out += entity;
    } else {
      out += c;
    }
  }
  return out;
}

std::string escape_markdown(std::string_view text) {
  constexpr std::string_view k_special = "\\`*_{}[]()#+!|~";
  std::string out;
  for (const char c : printable(text)) {
    if (c == '<' || c == '>' || c == '&') { // a page may be made of it
      out += entity_of(c);
      continue;
    }
    if (k_special.find(c) != std::string_view::npos) {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string percent_text(double percent) {
  const double shown = std::floor(percent * 10) / 10;
  return shown == std::floor(shown) ? fmt::format("{:.0f} %", shown)
                                    : fmt::format("{:.1f} %", shown);
}

} // namespace gpujob::client
