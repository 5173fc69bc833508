// SPDX-License-Identifier: Apache-2.0
// begin, end, heartbeat, say: small records that are written once.
#include "common/json.h"
#include "daemon/durable/attempt.h"
#include "daemon/durable/ledger.h"
#include "daemon/durable/op_request.h"
#include "daemon/durable/sayings.h"

#include <nlohmann/json.hpp>

namespace gpujob::durable {

using gpujob::json::Reader;
using json::Json;

namespace {

/// What was written in the spool is on the remote, too, or not done.
Result<void> push(const Durable& durable, const std::string& path) {
  return durable.remote ? durable.remote->push_record(path) : Result<void>{};
}

} // namespace

Result<Json> op_begin(Reader& r, const Json& request) {
  const auto key = read_key(r);
  const auto durable = read_durable(r);
  if (!durable) {
    return durable.error();
  }
  const auto begin = begin_from_json(request);
  if (!begin) {
    return begin.error();
  }
  GPUJOB_TRY(write_begin(durable->dir, key, *begin));
  GPUJOB_TRY(push(*durable, attempt_dir(durable->dir, key) + "/" + name::k_spec));
  return Json::object();
}

Result<Json> op_end(Reader& r, const Json& request) {
  const auto key = read_key(r);
  const auto durable = read_durable(r);
  if (!durable) {
    return durable.error();
  }
  const auto end = end_from_json(request);
  if (!end) {
    return end.error();
  }
  GPUJOB_TRY(write_end(durable->dir, key, *end));
  GPUJOB_TRY(push(*durable, attempt_dir(durable->dir, key) + "/" + name::k_end));
  return Json::object();
}

Result<Json> op_heartbeat(Reader& r, const Json& request) {
  const auto durable = read_durable(r);
  if (!durable) {
    return durable.error();
  }
  const auto h = heartbeat_from_json(request);
  if (!h) {
    return h.error();
  }
  GPUJOB_TRY(write_heartbeat(durable->dir, *h));
  if (durable->remote) {
    GPUJOB_TRY(durable->remote->push_directory(session_dir(durable->dir, h->session)));
  }
  return Json::object();
}

Result<Json> op_say(Reader& r, const Json& request) {
  const auto durable = read_durable(r);
  if (!durable) {
    return durable.error();
  }
  const auto said = request.value("said", Json::array());
  for (const auto& saying : said) {
    GPUJOB_TRY(write_saying(durable->dir, saying));
    GPUJOB_TRY(push(*durable, durable->dir + "/said/" + saying.value("id", "") + ".json"));
  }
  return Json::object();
}

} // namespace gpujob::durable
