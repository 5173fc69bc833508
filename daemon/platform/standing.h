// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/time.h"
#include "daemon/platform/profile.h"
#include "daemon/platform/said.h"
#include "daemon/policy/limits/horizon.h"
#include "daemon/policy/limits/usage.h"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Where each limit of the platform stands, by what is known now.
namespace gpujob::platform {

/// Idleness as it was seen; nothing of it was seen yet: all empty.
struct IdleSeen {
  std::optional<Duration> since; ///< the last activity that counts
  bool active = false;           ///< something that counts goes on
  std::string note;              ///< why it is not known; empty: it is
  std::vector<std::string> evidence;
};

/// What lies below a path, or on its filesystem, as it was measured.
struct DiskSeen {
  std::string path;
  std::int64_t used_bytes = 0, files = 0;
  std::int64_t free_bytes = 0; ///< of the filesystem
  bool complete = true;        ///< false: there is more than was looked at
};

struct MemorySeen {
  std::int64_t used_bytes = 0;             ///< what cannot be given back at once
  std::optional<std::int64_t> limit_bytes; ///< of the cgroup; nullopt: none
  std::int64_t oom_kills = 0;
  /// Share of the last 10 s, in percent, in which some of its tasks waited for memory (PSI);
  /// nullopt: the kernel does not tell.
  std::optional<double> pressure;
};

/// What the limits are judged by.
struct Known {
  limits::Usage usage;  ///< of this platform, this session included, until now
  std::string resource; ///< what this session holds: "gpu", "tpu" or "cpu"
  std::string machine;  ///< its name in price lists: "t4", "cpu"; empty: not known
  /// Machines that were last heard of long ago and never said that they ended: each is counted to
  /// an interval after its last word.
  std::set<std::string> silent;
  WallTime session_began{};
  std::vector<Said> said; ///< of this platform
  IdleSeen idle;
  std::vector<DiskSeen> disks;
  std::optional<MemorySeen> memory;
};

/// One limit now.
struct Standing {
  const LimitRule* rule = nullptr;
  limits::Horizon horizon;
  std::string name;               ///< of the resource, unit, currency or path
  std::optional<Duration> amount; ///< of time, where it is one
  std::string unit;               ///< of the texts below: "bytes", "ccu", "USD", "files"
  std::string amount_text, used_text, left_text; ///< exact; empty: not known
  std::size_t silent = 0;                        ///< of them, died without a word
  std::size_t machines = 0;                      ///< how many have used it in this period
  std::string note;                              ///< why it cannot be counted; empty: it is
  std::string stated;                            ///< who said otherwise than we counted, and what
  /// Enough is known to plan to it. Hours that were given are not all seen from inside.
  bool plannable = true;

  /// When it ends this session; nullopt: not, or nobody knows.
  [[nodiscard]] std::optional<WallTime> ends_session() const {
    return plannable ? horizon.ends_session() : std::nullopt;
  }
};

/// The limits that are for this variant and plan, but for the session's own. `now` is of the wall.
std::vector<Standing> stand(const Profile& profile, std::string_view variant, std::string_view plan,
                            const Known& known, WallTime now);

/// `limits` of the session view (ARCHITECTURE.md).
nlohmann::json standings_view(const std::vector<Standing>& standings);

/// Kinds of limit, for standing*.cpp only.
namespace standing {
void look_at(const WindowRule& rule, const Known& known, WallTime now, Standing& out);
void look_at(const GrantsRule& rule, const Known& known, WallTime now, Standing& out);
void look_at(const BalanceRule& rule, const Known& known, WallTime now, Standing& out);
void look_at(const MoneyRule& rule, const Known& known, WallTime now, Standing& out);
} // namespace standing

} // namespace gpujob::platform
