// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/record_page.h"

namespace gpujob::ipc {

namespace {

nlohmann::json seconds_or_null(const std::optional<Duration>& d) {
  return d ? nlohmann::json(to_seconds(*d)) : nlohmann::json();
}

nlohmann::json attempt_view(const policy::StoredAttempt& row) {
  const auto& a = row.what;
  return {{"session", row.session},
          {"job", a.job},
          {"name", a.name},
          {"attempt", a.attempt},
          {"started_at", format_rfc3339(a.started)},
          {"ended_at", instant_or_null(a.ended)},
          {"state", a.state},
          {"kept_s", seconds_or_null(a.kept)},
          {"lost_s", seconds_or_null(a.lost)},
          {"why_lost", json::text_or_null(a.why_lost)}};
}

} // namespace

void handle_attempts(Backend& backend, Request request) {
  const auto query = read_record_query(*request.params, "attempts");
  if (!query) {
    request.fail(query.error());
    return;
  }
  const auto rows = backend.attempts(query->since, query->after, k_record_page + 1);
  if (!rows) {
    request.fail(rows.error());
    return;
  }
  request.reply(record_page(
      "attempts", *rows, [](const auto& row) { return row.seq; }, attempt_view));
}

} // namespace gpujob::ipc
