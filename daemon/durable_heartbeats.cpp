// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable_heartbeats.h"

#include "common/json.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace gpujob::durable_requests {

using json::Json;
using namespace policy;
using gpujob::json::Reader;

namespace {

/// A lease is over after this many missed heartbeats (DESIGN section 6).
constexpr int k_missed_heartbeats = 3;
constexpr double k_max_interval_s = 86400;

/// When a session said that its attempt of a job is over.
using EndsSaid = std::map<std::pair<JobId, std::string>, WallTime>;

void read_ends(const Json& job, EndsSaid& out) {
  Reader r(job, "job");
  const auto id = r.text("id");
  const auto* attempts = r.find("attempts");
  for (const auto& attempt : attempts == nullptr ? Json::array() : *attempts) {
    Reader a(attempt, "attempt");
    if (const auto* end = a.find("end")) {
      Reader e(*end, "end");
      auto& last = out[{id, a.text("session")}];
      last = std::max(last, e.maybe_wall_time("at_ns").value_or(WallTime{}));
    }
  }
}

/// What the session has used, by its newest heartbeat.
std::optional<SessionUse> read_use(Reader& r, WallTime at, Duration interval) {
  SessionUse u;
  u.platform = r.text_or("platform", "");
  u.use.machine = r.text_or("machine", "");
  u.use.resource = r.text_or("resource", "");
  u.closed = r.boolean_or("closed", false);
  u.ends_at = r.maybe_wall_time("ends_at_ns");
  const auto began = r.maybe_wall_time("began_ns");
  if (!r.ok() || !began || u.use.resource.empty() || u.use.machine.empty()) {
    return std::nullopt;
  }
  u.use.when = {*began, std::max(*began, at + (u.closed ? Duration::zero() : interval))};
  return u;
}

void read_heartbeat(const Json& j, const Place& place, const EndsSaid& ends_said, Scanned& out) {
  Reader r(j, "heartbeat");
  const auto session = r.text("session");
  const auto seq = r.integer_or("seq", 0);
  if (session == place.session) {
    out.own_heartbeat_seq = seq;
    return;
  }
  const auto at = r.wall_time("at_ns");
  const auto ends = r.maybe_wall_time("ends_at_ns");
  const auto interval = std::clamp(r.maybe_number("interval_s").value_or(0), 0.0, k_max_interval_s);
  const auto one = Duration{static_cast<std::int64_t>(interval * 1e9)};
  if (auto use = read_use(r, at, one)) {
    out.uses.push_back(std::move(*use));
  }
  if (!r.ok() || r.boolean_or("closed", false)) {
    return;
  }
  auto expires = at + k_missed_heartbeats * one;
  if (ends) {
    expires = std::min(expires, *ends);
  }
  for (const auto& job : r.texts_or_empty("jobs")) {
    const auto end = ends_said.find({job, session});
    if (end != ends_said.end() && end->second >= at) {
      continue; // over, and no heartbeat came to say so
    }
    auto& lease = out.leases[job];
    if (lease.expires < expires) {
      lease = Lease{session, at, expires};
    }
  }
}

} // namespace

void read_heartbeats(const Json& reply, const Place& place, Scanned& out) {
  Reader r(reply, "helper: scan");
  EndsSaid ends_said;
  if (const auto* jobs = r.find("jobs"); jobs != nullptr && jobs->is_array()) {
    for (const auto& item : *jobs) {
      read_ends(item, ends_said);
    }
  }
  if (const auto* beats = r.find("heartbeats"); beats != nullptr && beats->is_array()) {
    for (const auto& item : *beats) {
      read_heartbeat(item, place, ends_said, out);
    }
  }
}

} // namespace gpujob::durable_requests
