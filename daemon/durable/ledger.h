// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/durable/scan.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// ledger/<session>/<seq>.json: small files that are never rewritten, with one writer per session,
/// so that the ledger of several VMs is the union of their files.
namespace gpujob::durable {

struct Heartbeat {
  std::string session;
  std::int64_t seq = 0;
  std::int64_t at_ns = 0;
  std::optional<std::int64_t> ends_at_ns;
  double interval_s = 0;
  std::vector<std::string> jobs;
  bool closed = false;
  // What the session holds, and since when: its newest heartbeat alone says what it has used. Empty
  // of those that were written before these were.
  std::string platform, resource, machine;
  std::optional<std::int64_t> began_ns;

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

nlohmann::json to_json(const Heartbeat& h);
Result<Heartbeat> heartbeat_from_json(const nlohmann::json& j);

/// A closing one compacts the session into closed.json. Errc::refused when the number is taken.
Result<void> write_heartbeat(const std::string& dir, const Heartbeat& h);

/// The newest readable one of each session, over all directories.
std::vector<Heartbeat> newest_heartbeats(const std::vector<std::string>& dirs, Problems& problems);

} // namespace gpujob::durable
