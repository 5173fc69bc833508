// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "daemon/platform/limit_rule.h"
#include "daemon/platform/profile.h"
#include "daemon/policy/limits/idle.h"

#include <map>
#include <string>
#include <vector>

/// Where what a platform counts as activity shows from inside. Asked by gpujob-http
/// (ARCHITECTURE.md, "Asking over HTTP"); here is what it is asked, and what its answers mean.
namespace gpujob::platform {

struct ActivitySources {
  std::vector<std::string> runtime_dirs; ///< of Jupyter
  std::vector<std::string> servers;      ///< that the profile names

  [[nodiscard]] bool empty() const { return runtime_dirs.empty() && servers.empty(); }
};

/// `env` is the environment of this process, `home` its HOME. A server whose address stands in a
/// variable that is not set is none.
ActivitySources find_activity_sources(const Profile& profile,
                                      const std::map<std::string, std::string>& env,
                                      const std::string& home);

std::string activity_request(const ActivitySources& sources);

struct Activity {
  limits::Sighting seen;             ///< all servers together
  std::size_t answered = 0;          ///< how many did
  std::vector<std::string> evidence; ///< a line for each server, also for one that did not answer
};
Result<Activity> read_activity(const Result<std::string>& reply);

/// What of a sighting such a cap takes for activity.
limits::Counting counting_of(const IdleCap& cap);

/// How often to look: no later than a twentieth of the cap; zero where there is nothing to see.
Duration activity_interval(const Profile& p, std::string_view variant, std::string_view plan);

/// The cap that applies, or nullptr.
const LimitRule* idle_limit_of(const Profile& p, std::string_view variant, std::string_view plan);

} // namespace gpujob::platform
