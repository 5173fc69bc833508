// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/record_page.h"

#include <vector>

namespace gpujob::ipc {

namespace {

struct Numbered {
  std::int64_t number;
  Backend::SessionUse use;
};

} // namespace

/// The cursor counts them: they are as the last look at the durable directory left them.
void handle_usage(Backend& backend, Request request) {
  const auto query = read_record_query(*request.params, "usage");
  if (!query) {
    request.fail(query.error());
    return;
  }
  std::vector<Numbered> rows;
  std::int64_t number = 0;
  for (const auto& use : backend.uses(query->since)) {
    if (++number > query->after) {
      rows.push_back({number, use});
    }
  }
  request.reply(record_page(
      "uses", rows, [](const auto& row) { return row.number; },
      [](const Numbered& row) -> nlohmann::json {
        return {{"resource", row.use.resource},
                {"from", format_rfc3339(row.use.begin)},
                {"until", format_rfc3339(row.use.end)}};
      }));
}

} // namespace gpujob::ipc
