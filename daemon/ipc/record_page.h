// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/ipc/session.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

/// What the verbs that read the record have in common: {"since", "cursor"}, and pages.
namespace gpujob::ipc {

/// One more than fits a page is read, to see whether there is one.
constexpr int k_record_page = 200;
/// Rows with strange names and texts: the page is shorter.
constexpr std::size_t k_record_page_bytes = 48 * 1024;

struct RecordQuery {
  std::optional<WallTime> since;
  std::int64_t after = 0; ///< the number of the last row of the page before
};

inline Result<RecordQuery> read_record_query(const nlohmann::json& params, const char* verb) {
  json::Reader r(params, verb);
  RecordQuery q;
  const auto since = r.text_or("since", "");
  const auto cursor = r.text_or("cursor", "0");
  if (!since.empty() && !(q.since = parse_rfc3339(since))) {
    r.fail("since", "is not an instant");
  }
  if (const auto after = parse_int(cursor); after && *after >= 0) {
    q.after = *after;
  } else {
    r.fail("cursor", "is not the next of a page");
  }
  return r.ok() ? Result<RecordQuery>(q) : Result<RecordQuery>(r.error());
}

/// {KEY: the rows that fit, "next"}; `number` gives a row's number, `view` its JSON.
template <typename Rows, typename Number, typename View>
nlohmann::json record_page(const char* key, const Rows& rows, Number number, View view) {
  auto list = nlohmann::json::array();
  nlohmann::json next;
  std::int64_t last = 0;
  std::size_t bytes = 0;
  for (const auto& row : rows) {
    auto one = view(row);
    bytes += json::dump(one).size();
    const bool full = list.size() == std::size_t{k_record_page} || bytes > k_record_page_bytes;
    if (full && !list.empty()) {
      next = std::to_string(last);
      break;
    }
    list.push_back(std::move(one));
    last = number(row);
  }
  return {{key, std::move(list)}, {"next", std::move(next)}};
}

inline nlohmann::json instant_or_null(const std::optional<WallTime>& at) {
  return at ? nlohmann::json(format_rfc3339(*at)) : nlohmann::json();
}

} // namespace gpujob::ipc
