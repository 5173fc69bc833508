// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/record_page.h"

namespace gpujob::ipc {

namespace {

nlohmann::json event_view(const policy::StoredOccurrence& row) {
  const auto& o = row.what;
  return {{"at", format_rfc3339(o.at)},
          {"session", row.session},
          {"kind", policy::to_text(o.kind)},
          {"job", json::text_or_null(o.job)},
          {"name", json::text_or_null(o.name)},
          {"attempt", o.attempt > 0 ? nlohmann::json(o.attempt) : nlohmann::json()},
          {"text", o.text}};
}

} // namespace

void handle_events(Backend& backend, Request request) {
  const auto query = read_record_query(*request.params, "events");
  if (!query) {
    request.fail(query.error());
    return;
  }
  const auto rows = backend.events(query->since, query->after, k_record_page + 1);
  if (!rows) {
    request.fail(rows.error());
    return;
  }
  request.reply(record_page(
      "events", *rows, [](const auto& row) { return row.seq; }, event_view));
}

} // namespace gpujob::ipc
