// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"
#include "common/text.h"

#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

namespace {

using Handler = void (*)(Backend&, Request);

const std::map<std::string, Handler, std::less<>>& handlers() {
  static const std::map<std::string, Handler, std::less<>> table{
      {"hello", handle_hello},
      {"run", handle_run},
      {"ps", handle_ps},
      {"show", handle_show},
      {"logs", handle_logs},
      {"watch", handle_watch},
      {"checkpoint", handle_checkpoint},
      {"stop", handle_stop},
      {"rm", handle_rm},
      {"limits.set", handle_limits_set},
      {"notice", handle_notice},
      {"quota", handle_quota},
      {"quota.say", handle_quota_say},
      {"gpu", handle_gpu},
      {"gpu.snapshots", handle_gpu_snapshots},
      {"events", handle_events},
      {"attempts", handle_attempts},
      {"usage", handle_usage},
      {"daemon.status", handle_daemon_status},
      {"daemon.stop", handle_daemon_stop},
  };
  return table;
}

} // namespace

void dispatch(Backend& backend, Request request) {
  const auto it = handlers().find(request.method);
  if (it != handlers().end()) {
    it->second(backend, std::move(request));
    return;
  }
  if (const auto session = request.session.lock()) {
    const auto message =
        fmt::format("request: '{}': no such method", printable(request.method.substr(0, 60)));
    session->send(json::dump(
        {{"jsonrpc", "2.0"},
         {"id", json::Json::parse(request.id, nullptr, false)},
         {"error", {{"code", -32601}, {"message", message}, {"data", {{"errc", "usage"}}}}}}));
  }
}

} // namespace gpujob::ipc
