// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/error_words.h"
#include "common/json.h"
#include "common/result.h"

#include <nlohmann/json.hpp>
#include <string>

namespace gpujob::platform {

/// What gpujob-http answered; its own error, or that it gave none, is ours.
inline Result<json::Json> read_http_reply(const Result<std::string>& reply) {
  auto j = reply ? json::parse(*reply, "gpujob-http") : Result<json::Json>(reply.error());
  if (!j) {
    return j;
  }
  json::Reader r(*j, "gpujob-http");
  if (!r.boolean_or("ok", false)) {
    return Error{Errc::io, json::error_words(*j, "error", "gpujob-http: no answer")};
  }
  return j;
}

} // namespace gpujob::platform
