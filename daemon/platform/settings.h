// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/platform/facts.h"
#include "daemon/platform/session_start.h"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::platform {

/// Who decided a setting. `detected` and below nobody said: a person's word outweighs them.
enum class Origin : std::uint8_t { flag, environment, config, detected, profile, fallback };

std::string_view to_text(Origin o);
std::optional<Origin> origin_from_text(std::string_view s);

struct SettingValue {
  std::optional<std::string> value; ///< nullopt: there is none
  Origin origin = Origin::fallback;
  std::string detail;  ///< "GPUJOB_SESSION_LIMIT", "/root/.config/gpujob/config.json: plan"
  bool stored = false; ///< it came back with the stored session
  std::string note;    ///< of this start only, not stored: what was not used, and why

  friend bool operator==(const SettingValue&, const SettingValue&) = default;
};

struct SessionLimit {
  Duration value{};
  std::vector<Duration> alternatives;
  std::string source, as_of; ///< as_of is empty when a user said it
  Confidence confidence = Confidence::low;
  Duration spread{}; ///< of the end around it, a standard deviation; 0: it is sharp
  /// Machines of this kind die young or near such an age (saving::Bathtub); nullopt: not known to.
  std::optional<Duration> bathtub{};

  friend bool operator==(const SessionLimit&, const SessionLimit&) = default;
};

struct DurableSetting {
  std::string path;          ///< absolute; ours alone
  std::string level;         ///< "stored", "cached", or empty: the helper finds out
  std::string require_mount; ///< a filesystem type; empty: none
  std::string hint;          ///< what the user does when it is not mounted
  Origin origin = Origin::profile;

  friend bool operator==(const DurableSetting&, const DurableSetting&) = default;
};

/// Everything that holds for one session of this VM. Stored with it, so that a daemon that comes
/// back plans to the same end.
struct SessionSettings {
  std::string id;
  std::string boot_id;
  std::optional<std::uint64_t> pid1_start_ticks;

  std::string key; ///< the value of the profile's key_variable; empty: there is none
  std::string platform, variant, plan; ///< variant and plan are empty when there is none
  std::vector<std::string> evidence, conflicts;
  Confidence confidence = Confidence::low;

  SessionStart start;
  BootTime daemon_start{}; ///< of this session's first daemon
  std::optional<SessionLimit> limit;
  Duration margin{}; ///< min(the profile's, limit/10); 0 without a limit

  std::optional<DurableSetting> durable;
  std::vector<std::string> read_dirs; ///< globs: where earlier sessions' durable directories appear
  int slots = 1;

  std::map<std::string, SettingValue> settings;
  /// The flags of `daemon start` in this session, as they were written: "--session-limit", "9h",
  /// ...
  std::map<std::string, std::string> given;

  friend bool operator==(const SessionSettings&, const SessionSettings&) = default;

  /// The platform's end.
  [[nodiscard]] std::optional<BootTime> ends_at() const;
  /// What everything is planned to: ends_at less the margin.
  [[nodiscard]] std::optional<BootTime> plan_end() const;
};

nlohmann::json to_json(const SessionSettings& s);
/// [flag, value, flag, value, ...]
nlohmann::json given_to_json(const std::map<std::string, std::string>& given);
/// A value of a wrong type is Errc::bad_data naming its key; unknown keys are ignored (a newer
/// version may have written them).
Result<SessionSettings> settings_from_json(const nlohmann::json& j);

/// What a session of this variant holds of what quotas count: "tpu", "gpu" or "cpu".
std::string resource_of(const SessionSettings& s, const Facts& facts);

/// The machine's name in price lists: "cpu" without a GPU, else the known part of its model ("t4");
/// empty when that is not known.
std::string machine_of(const Facts& facts);

/// Same boot and same PID 1: a stored session goes on.
bool same_session(const SessionSettings& stored, const Facts& facts);

/// Why the durable directory cannot be used now, with what to do; nullopt: no reason that shows in
/// the mount table.
std::optional<std::string> mount_problem(const DurableSetting& d, const std::vector<Mount>& mounts);

/// The session view of ARCHITECTURE.md. `durable_state` is what the helper's last `open` said;
/// empty: not known yet.
/// What the session is planned to, and what is expected of it.
struct PlannedEnd {
  std::optional<BootTime> ends_at, plan_end;
  std::string by; ///< "session_limit", "quota", "grants", "balance", "notice"; empty: not known
  std::optional<BootTime> idle_end;
  std::vector<std::string> idle_evidence;
};
/// Its `limits` are empty: standings_view (standing.h) fills them.
nlohmann::json session_view(const SessionSettings& s, Now now, std::string_view durable_state,
                            const PlannedEnd& planned);

} // namespace gpujob::platform
