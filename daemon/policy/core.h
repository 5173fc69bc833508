// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/action.h"
#include "daemon/policy/event.h"
#include "daemon/policy/world.h"

/// The core, pure: no clock, no I/O, no randomness. The same world, event and now give the same
/// world. The loop is: apply every event, decide, intend, commit, perform.
namespace gpujob::policy {

void apply(World& w, const Event& e, Now now);

Decision decide(const World& w, Now now);

/// Marks what decide() returned as issued, so that deciding again returns nothing new.
void intend(World& w, const Decision& d, Now now);

/// After a restart: what was issued and not answered is wanted again. The caller has loaded the
/// world; it reports shims afterwards as events.
void adopt(World& w);

/// Why starting now cannot be worth it, or nullopt: not enough is left of the session for a save,
/// or, of a job that saves only by itself, to get to its first. The user's --lead overrules both.
std::optional<std::string> start_refusal(const World& w, const JobSpec& spec,
                                         const SaveHistory& history, Now now);

/// Why this machine can never give the GPUs that it asks for; nullopt: it can, or nobody has looked
/// at its GPUs yet.
std::optional<std::string> gpu_refusal(const World& w, const JobSpec& spec);

/// What a queued job waits for, as things stand; of any other, reason_text.
std::string reason_now(const World& w, const Job& job, Now now);

/// The instant from which start_refusal refuses this job; nullopt: never.
std::optional<BootTime> start_refused_from(const World& w, const JobSpec& spec,
                                           const SaveHistory& history);

/// How long the job's work still takes, by its own progress; of one that does not run, from its
/// newest checkpoint on. nullopt: it tells nothing of it.
std::optional<Duration> work_left(const Job& job, Now now);

/// How the running job shall be ended as things stand.
Plan desired_plan(const World& w, const Job& job);

/// Once nothing runs and nothing can start any more in this session, all is written, and its end is
/// near: the checkpoints that lie in a cache only. Empty: nothing is to be flushed, or not yet.
std::vector<std::pair<JobId, int>> to_flush(const World& w, Now now);

} // namespace gpujob::policy
