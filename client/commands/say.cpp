// SPDX-License-Identifier: Apache-2.0
#include "client/commands/say.h"

#include "client/daemon_start.h"
#include "client/output.h"
#include "client/render/limits.h"
#include "client/render/table.h"
#include "client/views/session.h"
#include "common/clock.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace gpujob::client {

Result<int> say(nlohmann::json entries, const std::string& by, bool json) {
  std::set<std::string> names;
  for (const auto& entry : entries) {
    names.insert(entry.value("name", ""));
  }
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto answer = connection->call("quota.say", {{"entries", std::move(entries)}, {"by", by}});
  if (!answer) {
    return answer.error();
  }
  if (json) {
    GPUJOB_TRY(print_json(*answer));
    return 0;
  }
  const auto view = read_session_view(answer->value("session", nlohmann::json()));
  if (!view) {
    return view.error();
  }
  FactSheet sheet;
  for (const auto& limit : view->limits) {
    const bool timed = limit.type == "window" || limit.type == "grants";
    if (names.contains(limit.resource) || (timed && limit.type == "grants")) {
      sheet.add(limit_label(limit), limit_line(limit, *view, read_clocks().wall));
    }
  }
  GPUJOB_TRY(print(sheet.wrapped()));
  note(fmt::format("kept in {}", printable(answer->value("kept", "?"))));
  return 0;
}

} // namespace gpujob::client
