// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

/// What the daemon shows of the session, read strictly: a value of another type is an error, a
/// missing one is unknown. Texts may come from a job: nothing here is fit for a terminal before
/// printable().
namespace gpujob::client {

struct SettingView {
  std::string name, value, origin, detail;
};

/// One of the platform's limits. What is not known is not there.
struct LimitView {
  std::string type; ///< "window", "idle", "grants", "balance", "money", "disk", "memory", ...
  std::string resource, effect, note, stated, source, as_of, confidence;
  std::string unit, amount, used, left; ///< where it is no time: exact
  bool binds = false;                   ///< it ends this session before anything else does
  std::optional<double> amount_s, used_s, left_s;
  std::optional<WallTime> runs_out_at, renews_at, ends_session_at;
  std::int64_t machines = 0, silent_machines = 0;
  std::vector<double> alternatives_s;
};

struct SessionView {
  std::string platform, variant, plan, confidence;
  std::vector<std::string> evidence, conflicts;
  std::optional<double> limit_s, elapsed_s, remaining_s, margin_s;
  std::optional<WallTime> ends_at, plan_ends_at, started_at;
  std::string source, as_of, limit_confidence, ends_by;
  std::vector<double> alternatives_s;
  std::string start_source, start_confidence;
  std::vector<std::string> start_evidence;
  std::string durable_path, durable_level, durable_state;
  std::optional<WallTime> idle_ends_at;
  std::vector<std::string> idle_evidence;
  std::vector<LimitView> limits;
  std::vector<SettingView> settings;
};

Result<SessionView> read_session_view(const nlohmann::json& document);

} // namespace gpujob::client
