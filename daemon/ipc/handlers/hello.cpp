// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/dispatch.h"

#include "common/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace gpujob::ipc {

namespace {
constexpr std::int64_t k_version = 1;     ///< what this daemon speaks
constexpr std::int64_t k_min_version = 1; ///< the oldest it still understands
} // namespace

void handle_hello(Backend&, Request request) {
  json::Reader r(*request.params, "hello");
  const auto v = r.integer("v");
  const auto min_v = r.integer_or("min_v", v);
  if (!r.ok()) {
    request.fail(r.error());
    return;
  }
  if (v < k_min_version || min_v > k_version) {
    request.fail(
        {Errc::protocol,
         fmt::format("protocol: this daemon ({}) speaks {} to {}, the client {} to {}: stop "
                     "it with the gpujob that started it, then run this one",
                     GPUJOB_VERSION, k_min_version, k_version, min_v, v)});
    return;
  }
  if (const auto session = request.session.lock()) {
    session->greeted = true;
  }
  request.reply({{"v", k_version},
                 {"min_v", k_min_version},
                 {"version", GPUJOB_VERSION},
                 {"pid", ::getpid()}});
}

} // namespace gpujob::ipc
