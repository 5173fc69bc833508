// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/records.h"

#include "common/text.h"

#include <array>
#include <cstddef>
#include <utility>

namespace gpujob::policy {

namespace {

constexpr std::size_t k_longest_text = 500;

constexpr std::array<std::pair<Happened, std::string_view>, 7> k_kinds{{
    {Happened::session_started, "session_started"},
    {Happened::session_ended, "session_ended"},
    {Happened::run_started, "run_started"},
    {Happened::run_ended, "run_ended"},
    {Happened::checkpoint, "checkpoint"},
    {Happened::warning, "warning"},
    {Happened::notice, "notice"},
}};

} // namespace

std::string_view to_text(Happened kind) {
  for (const auto& [known, text] : k_kinds) {
    if (known == kind) {
      return text;
    }
  }
  return "notice";
}

std::optional<Happened> happened_from_text(std::string_view text) {
  for (const auto& [kind, known] : k_kinds) {
    if (known == text) {
      return kind;
    }
  }
  return std::nullopt;
}

std::string record_text(std::string_view text) {
  auto out = printable(text);
  if (out.size() > k_longest_text) {
    auto end = k_longest_text;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) {
      --end; // not in the middle of a character
    }
    out.resize(end);
    out += " ...";
  }
  return out;
}

} // namespace gpujob::policy
