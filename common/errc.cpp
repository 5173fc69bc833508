// SPDX-License-Identifier: Apache-2.0
#include "common/errc.h"

#include <array>

namespace gpujob {

namespace {

struct Row {
  Errc code;
  std::string_view text;
  int number; ///< -32602 is JSON-RPC's "invalid params"; small positive ones are ours
};

constexpr std::array k_rows{
    Row{Errc::usage, "usage", -32602},        Row{Errc::refused, "refused", 1},
    Row{Errc::not_found, "not_found", 2},     Row{Errc::io, "io", 3},
    Row{Errc::bad_data, "bad_data", -32602},  Row{Errc::protocol, "protocol", 4},
    Row{Errc::unreachable, "unreachable", 5},
};

constexpr const Row& row_of(Errc code) {
  return k_rows[static_cast<std::size_t>(code)];
}

static_assert(row_of(Errc::usage).code == Errc::usage);
static_assert(row_of(Errc::bad_data).code == Errc::bad_data);
static_assert(row_of(Errc::unreachable).code == Errc::unreachable);

} // namespace

std::string_view errc_text(Errc code) {
  return row_of(code).text;
}

Errc errc_from_text(std::string_view text) {
  for (const auto& row : k_rows) {
    if (row.text == text) {
      return row.code;
    }
  }
  return Errc::refused;
}

int rpc_number(Errc code) {
  return row_of(code).number;
}

} // namespace gpujob
