// SPDX-License-Identifier: Apache-2.0
#include "client/commands/commands.h"
#include "client/daemon_start.h"
#include "client/doctor/checks.h"
#include "client/output.h"
#include "client/render/table.h"
#include "common/json.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::client {

namespace {

const char* to_text(Health health) {
  return health == Health::good ? "good" : health == Health::note ? "note" : "bad";
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
  auto out = nlohmann::json::array();
  for (const auto& f : findings) {
    out.push_back({{"health", to_text(f.health)},
                   {"what", f.what},
                   {"how", printable(f.how)},
                   {"remedy", f.remedy.empty() ? nlohmann::json() : nlohmann::json(f.remedy)}});
  }
  return {{"findings", std::move(out)}};
}

std::string render(const std::vector<Finding>& findings) {
  FactSheet sheet;
  for (const auto& f : findings) {
    const char* mark = f.health == Health::good ? "ok" : f.health == Health::note ? "note" : "BAD";
    sheet.add(f.what, fmt::format("{}: {}", mark, f.how));
    if (!f.remedy.empty()) {
      sheet.add("", fmt::format("-> {}", f.remedy));
    }
  }
  return sheet.wrapped();
}

} // namespace

/// Exit code 1 when something is bad.
Result<int> execute(const DoctorOptions& options) {
  auto connection = reach_daemon();
  if (!connection) {
    return connection.error();
  }
  const auto answer = connection->call("quota", nlohmann::json::object());
  const auto status = answer ? connection->call("daemon.status", nlohmann::json::object()) : answer;
  if (!status) {
    return status.error();
  }
  const auto view = read_session_view(*answer);
  if (!view) {
    return view.error();
  }
  auto around = look_around();
  json::Reader r(*status, "daemon: status");
  around.trouble = r.text_or("trouble", "");
  const auto findings = judge(*view, around);
  GPUJOB_TRY(options.json ? print_json(to_json(findings)) : print(render(findings)));
  return std::ranges::find(findings, Health::bad, &Finding::health) == findings.end() ? 0 : 1;
}

} // namespace gpujob::client
