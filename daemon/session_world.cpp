// SPDX-License-Identifier: Apache-2.0
#include "daemon/session_world.h"

#include "common/clock.h"

#include <algorithm>
#include <fmt/format.h>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// A heartbeat every minute; oftener in a session so short that three missed ones would outlast it.
constexpr Duration k_heartbeat = 60s;
constexpr Duration k_heartbeat_least = 5s;

policy::Session make_session(const platform::SessionSettings& s, bool durable) {
  policy::Session session;
  session.id = s.id;
  session.limit = s.limit ? std::optional(s.limit->value) : std::nullopt;
  session.ends_at = s.ends_at();
  session.plan_end = s.plan_end();
  session.durable = durable;
  session.heartbeat_interval = k_heartbeat;
  if (session.limit) {
    session.heartbeat_interval = std::clamp(*session.limit / 20, k_heartbeat_least, k_heartbeat);
  }
  return session;
}

/// The quota that ends the session first, or nullptr.
const platform::Quota* first_to_end(const std::vector<platform::Quota>& quotas) {
  const platform::Quota* first = nullptr;
  for (const auto& q : quotas) {
    const auto at = q.horizon.ends_session();
    if (at && (first == nullptr || *at < *first->horizon.ends_session())) {
      first = &q;
    }
  }
  return first;
}

} // namespace

policy::World make_world(const platform::SessionSettings& settings, const DurableStart& durable,
                         const std::vector<store::StoredJob>& jobs, Now now) {
  policy::World world;
  world.session = make_session(settings, !durable.place.dir.empty());
  world.slots = settings.slots;
  for (const auto& [job, vm] : jobs) {
    world.jobs[job.id] = job;
    world.next_order = std::max(world.next_order, job.order + 1);
  }
  if (world.session.durable) {
    world.heartbeat_due = now.boot;
    world.heartbeat_seq = durable.scanned.own_heartbeat_seq;
  }
  return world;
}

platform::Ledger make_ledger(const platform::SessionSettings& settings, const std::string& resource,
                             const std::string& machine,
                             const std::vector<durable_requests::SessionUse>& uses, Now now) {
  platform::Ledger out;
  out.resource = resource;
  out.usage.add({machine, resource, {now.wall_at(settings.start.boot), now.wall}});
  for (const auto& u : uses) {
    if (u.platform == settings.platform) {
      out.usage.add(u.use);
    }
  }
  return out;
}

std::string plan_to_quota(policy::Session& session, const std::vector<platform::Quota>& quotas,
                          const platform::SessionSettings& settings, Duration margin, Now now) {
  const auto* quota = first_to_end(quotas);
  if (quota == nullptr) {
    return {};
  }
  const auto wall = *quota->horizon.ends_session();
  const auto at = now.boot + (wall - now.wall);
  const auto name = std::get<platform::WindowRule>(quota->rule->what).resource;
  if (at <= now.boot) {
    return fmt::format(
        "the {} quota is used up by what is written down, and yet this session lives: "
        "nothing is planned to it: gpujob quota --explain",
        name);
  }
  if (session.ends_at && *session.ends_at <= at) {
    return {};
  }
  session.ends_at = at;
  session.plan_end = at - std::min(margin, (at - settings.start.boot) / 10);
  return fmt::format("the {} quota ends this session {}: everything is planned to that", name,
                     format_local(wall));
}

} // namespace gpujob
