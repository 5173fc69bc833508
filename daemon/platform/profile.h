// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"
#include "daemon/platform/limit_rule.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gpujob::platform {

/// Something that is so or not so of a machine: see facts.h.
struct Condition {
  enum class Kind : std::uint8_t { env, env_equals, dir, file, json_key, any, all };

  Kind kind = Kind::any;
  std::string name;             ///< of the variable, or the path
  std::string value;            ///< env_equals; json_key: the member
  std::vector<Condition> parts; ///< any, all
};

/// Which platform this is. A profile without it is the fallback.
struct Detect {
  Condition when;
  std::vector<Condition> none; ///< each of them rules the platform out
  bool hint = false;           ///< counts only where nothing else speaks
};

struct Variant {
  std::string id;
  Condition when;
};

/// Where what outlives the session can be written. We use a directory `gpujob` below it.
struct DurablePlace {
  std::string path;
  std::string require_mount; ///< a filesystem type that must be mounted there; empty: none
  /// The directory below such a mount, wherever it is; nullopt: only `path` counts.
  std::optional<std::string> anywhere;
  std::string level; ///< "stored" or "cached"
  std::string hint;  ///< what the user does when it is not mounted
  std::string flush; ///< for a shell: empties the cache in front of it; empty: not known
  std::string source, as_of;
  Confidence confidence = Confidence::low;
};

/// What the platform tells us before it ends a session.
struct Notice {
  std::string kind; ///< "none", "signal", or what is asked over HTTP: see the schema
  std::string to;   ///< who hears the signal: "pid1" or "everybody"; empty: not said
  Duration grace{};
};

/// What one gets there, for people who choose. What nobody says is not there.
struct MachineOffer {
  std::string gpu, price;
  std::optional<std::int64_t> gpu_bytes, cpus, memory_bytes, disk_bytes;
  std::vector<std::string> plans, variants;
  std::string source, as_of;
  Confidence confidence = Confidence::low;
};

/// schema/platforms/<id>.json, checked.
struct Profile {
  std::string id, title, as_of;
  std::string status;  ///< what has become of it; empty: it is what it was
  std::string confirm; ///< why the user is asked to say that it is this one; empty: nobody is asked
  std::int64_t priority = 0; ///< smaller is asked first
  std::optional<Detect> detect;
  std::string end_variable; ///< holds the session's end in Unix seconds; empty: none does
  std::string end_program;  ///< is asked how long it has left ("squeue"); empty: nobody is
  std::string key_variable; ///< another value of it is another session; empty: the machine is it
  bool outlives_session = false; ///< the machine: its PID 1 says nothing of when a session began
  std::vector<Variant> variants; ///< the first that holds
  std::vector<std::string> plans;
  std::string default_plan; ///< empty when there are no plans
  std::vector<LimitRule> limits;
  std::optional<Duration> margin; ///< kept free before the session's end
  std::vector<DurablePlace> durable_write;
  std::vector<std::string> durable_read; ///< globs
  Notice notice;
  std::string machine; ///< its name in price lists, where the user says it; empty: it is looked for
  std::vector<std::string> jupyter; ///< servers to ask for activity; "${NAME}" is a variable
  std::vector<MachineOffer> machines;
};

/// Reads one profile strictly; errors name the profile and the key.
Result<Profile> parse_profile(std::string_view text, std::string_view name);

const Profile* find_profile(const std::vector<Profile>& profiles, std::string_view id);

/// The lowest session cap that applies (its `what` is a SessionCap), or nullptr.
const LimitRule* session_limit_of(const Profile& p, std::string_view variant,
                                  std::string_view plan);

} // namespace gpujob::platform
