// SPDX-License-Identifier: Apache-2.0
#include "common/clock.h"
#include "daemon/app.h"
#include "daemon/platform/settings.h"

#include <map>
#include <nlohmann/json.hpp>
#include <unistd.h>

/// What clients are told of the daemon, the session and what happened.
namespace gpujob {

nlohmann::json App::session_view() const {
  return m_outlook.view(read_clocks(), m_durable_state);
}

nlohmann::json App::status_view() const {
  std::map<std::string, int> counts;
  for (const auto& [id, job] : m_world.jobs) {
    counts[std::string(policy::state_text(job))] += job.removed ? 0 : 1;
  }
  return {{"pid", ::getpid()},
          {"version", GPUJOB_VERSION},
          {"uptime_s", to_seconds(read_clocks().boot - m_started.boot)},
          {"socket", m_places.runtime.socket()},
          {"state_dir", m_places.state.dir},
          {"durable", m_durable.dir.empty() ? nlohmann::json() : nlohmann::json(m_durable.shown())},
          {"jobs", counts},
          {"given", platform::given_to_json(m_outlook.settings().given)},
          {"session", m_outlook.settings().id},
          {"trouble", m_trouble.empty() ? nlohmann::json() : nlohmann::json(m_trouble)}};
}

Result<std::vector<policy::StoredOccurrence>> App::events(std::optional<WallTime> since,
                                                          std::int64_t after, int most) {
  return m_store->events(since, after, most);
}

Result<std::vector<policy::StoredAttempt>> App::attempts(std::optional<WallTime> since,
                                                         std::int64_t after, int most) {
  return m_store->attempts(since, after, most);
}

std::vector<ipc::Backend::SessionUse> App::uses(std::optional<WallTime> since) const {
  std::vector<SessionUse> out;
  for (auto& use : m_outlook.uses(read_clocks())) {
    if (!since || use.when.end >= *since) {
      out.push_back({use.resource, use.when.begin, use.when.end});
    }
  }
  return out;
}

} // namespace gpujob
