// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json.h"
#include "common/result.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace gpujob::platform {

/// What gpujob-http answered; its own error, or that it gave none, is ours.
inline Result<json::Json> read_http_reply(const Result<std::string>& reply) {
  auto j = reply ? json::parse(*reply, "gpujob-http") : Result<json::Json>(reply.error());
  if (!j) {
    return j;
  }
  json::Reader r(*j, "gpujob-http");
  if (r.boolean_or("ok", false)) {
    return j;
  }
  auto why = r.text_or("error", "");
  if (!r.ok()) {
    return r.error();
  }
  return Error{Errc::io, why.empty() ? "gpujob-http: no answer" : std::move(why)};
}

} // namespace gpujob::platform
