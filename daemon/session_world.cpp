// SPDX-License-Identifier: Apache-2.0
#include "daemon/session_world.h"

#include "daemon/platform/choice.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>

namespace gpujob {

using namespace std::chrono_literals;

namespace {

/// A heartbeat every minute; oftener in a session so short that three missed ones would outlast it.
constexpr Duration k_heartbeat = 60s;
constexpr Duration k_heartbeat_least = 5s;

policy::Session make_session(const platform::SessionSettings& s, const DurableStart& durable) {
  policy::Session session;
  session.id = s.id;
  session.limit = s.limit ? std::optional(s.limit->value) : std::nullopt;
  session.ends_at = s.ends_at();
  session.plan_end = s.plan_end();
  session.end_spread = s.limit ? s.limit->spread : Duration::zero();
  if (s.limit && s.limit->bathtub) {
    saving::Bathtub law;
    law.cap = std::chrono::duration<double>(*s.limit->bathtub).count();
    session.transient = policy::Transient{law, law, s.start.boot};
  }
  session.durable = !durable.place.dir.empty();
  session.storage = durable.place.kind();
  session.heartbeat_interval = k_heartbeat;
  if (session.limit) {
    session.heartbeat_interval = std::clamp(*session.limit / 20, k_heartbeat_least, k_heartbeat);
  }
  return session;
}

} // namespace

policy::World make_world(const platform::SessionSettings& settings, const DurableStart& durable,
                         const std::vector<store::StoredJob>& jobs, Now now) {
  policy::World world;
  world.session = make_session(settings, durable);
  world.slots = settings.slots;
  const auto slots = settings.settings.find(platform::key::k_slots.name);
  world.slots_said =
      slots != settings.settings.end() && slots->second.origin != platform::Origin::fallback;
  for (const auto& [job, vm] : jobs) {
    world.jobs[job.id] = job;
    world.next_order = std::max(world.next_order, job.order + 1);
  }
  for (auto& [id, job] : world.jobs) {
    if (!job.history.saves.empty()) {
      job.history.relearn(world.session.storage, policy::prior_of(world, job));
    }
  }
  if (world.session.durable) {
    world.heartbeat_due = now.boot;
    world.heartbeat_seq = durable.scanned.own_heartbeat_seq;
  }
  return world;
}

} // namespace gpujob
