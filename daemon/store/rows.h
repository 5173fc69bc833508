// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/store/database.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// What every table's rows are read and written with.
namespace gpujob::store {

/// All rows of a query, each made by `read`, which returns a Row or a Result of one. Afterwards the
/// statement can be run again.
template <typename Row, typename Read>
Result<std::vector<Row>> rows(Statement& q, Read read) {
  std::vector<Row> out;
  for (;;) {
    const auto more = q.step();
    if (!more) {
      return more.error();
    }
    if (!*more) {
      q.reset();
      return out;
    }
    Result<Row> row = read(q);
    if (!row) {
      q.reset();
      return row.error();
    }
    out.push_back(std::move(*row));
  }
}

inline std::optional<std::int64_t> maybe_ns(const std::optional<WallTime>& t) {
  return t ? std::optional(to_ns(*t)) : std::nullopt;
}

inline std::optional<WallTime> maybe_wall(std::optional<std::int64_t> ns) {
  return ns ? std::optional(wall_from_ns(*ns)) : std::nullopt;
}

} // namespace gpujob::store
