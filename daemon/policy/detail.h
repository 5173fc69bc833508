// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/overloaded.h"
#include "daemon/policy/action.h"
#include "daemon/policy/event.h"
#include "daemon/policy/world.h"

#include <optional>
#include <string>

/// Shared by the files of policy/ only.
namespace gpujob::policy::detail {

void announce(World& w, const Job& job, std::string text);
void warn(World& w, const Job& job, std::string text);
void touch(World& w, const Job& job);
Job* find_job(World& w, const JobId& id);
/// The job, if `attempt` is its current one and is under way.
Job* find_attempt(World& w, const JobId& id, int attempt);

void set_queued(World& w, Job& job, std::string reason);
void leave_queue(World& w, const Job& job);
/// What is known of the GPUs is old from now on, until somebody looks again.
void expect_look(World& w, const Job& job, Now now);
/// Holds it when this machine can never give it what it asks for.
void hold_if_impossible(World& w, Job& job);
/// Makes sure that the queue is looked at when this job of it is to be refused.
void queue_due_from(World& w, const Job& job);
void set_held(World& w, Job& job, std::string reason);
void set_ended(World& w, Job& job, Ended ended, Now now);

/// Automatic transitions that follow from the state alone; called after every event.
void settle(World& w, Job& job, Now now);
/// When to tell that the job catches no checkpoint signal; nullopt: not, or told already.
std::optional<BootTime> no_catch_due(const World& w, const Job& job, const Running& running);
/// When a continue request that nothing has come of is given up; nullopt: there is none.
std::optional<BootTime> overdue_from(const Job& job, const Running& running);
/// When to ask a running job to save because the session may be taken for idle; nullopt: not, or
/// asked already.
std::optional<BootTime> idle_save_due(const World& w, const Job& job, const Running& running);
/// One that is under way and not answered yet answers this one too.
void ask_checkpoint(World& w, Job& job);
/// Jobs that wait for a slot in a session that has no time left for them are parked.
void settle_queue(World& w, Now now);

/// decide.cpp; past instants are no reason to wake up.
void wake_at(Decision& d, std::optional<BootTime> at, Now now);

/// start_queued.cpp: what is left to give away, in the order of the queue. True: some job begins an
/// attempt.
bool start_queued(const World& w, Now now, Decision& d);

/// contract.cpp
/// The user's way to a checkpoint of a job that catches nothing; empty: none.
std::string_view route_of(const JobSpec& spec);
/// A request to save and go on that is answered, and then an end that is no failure and that nobody
/// asked for: it ends after every save.
bool exits_after_saving(const Job& job, const ShimGone& e);

/// gpu_idle.cpp
/// When to warn of its GPUs, which are idle, or to stop it for that; nullopt: not, or done.
std::optional<BootTime> idle_gpu_due(const Job& job, const Running& running);
void settle_idle_gpu(World& w, Job& job, Running& running, Now now);

/// gpu_xid.cpp
/// Warns of errors that GPUs have had since the last look, which found them as in `before`.
void tell_xids(World& w, const Gpus& before, Now now);

/// checkpoints.cpp
void hear_checkpoint(World& w, Job& job, Checkpoint c, std::optional<BootTime> since, Now now);
void close_unanswered_request(World& w, Job& job, Now now);
bool secure_pending(const Job& job);
const Checkpoint* next_to_secure(const World& w, const Job& job, Now now);

/// learning.cpp; `c` is safe now. What took: a save asked for at `sent`; one whose request had been
/// given up; an attempt's first that nobody asked for.
void learn(const World& w, Job& job, BootTime sent, const Checkpoint& c,
           std::optional<double> verify, Now now);
void learn_late(const World& w, Job& job, const Checkpoint& c, std::optional<double> verify,
                Now now);
void learn_first(Job& job, const Checkpoint& c);

/// progress.cpp
/// The job's own word.
void hear_progress(Running& run, double done, BootTime at);
/// How much work is left from `c` on, which was just heard of.
void learn_left(Job& job, const Checkpoint& c, Now now);
/// The moment of the newest save of this attempt that can be resumed from; nullopt: it has made
/// none. The same bytes as an earlier attempt's are no new work.
std::optional<WallTime> saved_at(const Job& job);

/// One overload per event, grouped by file: apply.cpp (attempts), apply_journal.cpp (what their
/// shims write), apply_jobs.cpp (jobs that come and go), apply_session.cpp, checkpoints.cpp,
/// progress.cpp.
void on_event(World& w, const Submitted& e, Now now);
void on_event(World& w, const Resumed& e, Now now);
void on_event(World& w, const StopAsked& e, Now now);
void on_event(World& w, const CheckpointAsked& e, Now now);
void on_event(World& w, const Removed& e, Now now);
void on_event(World& w, const Prepared& e, Now now);
void on_event(World& w, const LaunchFailed& e, Now now);
void on_event(World& w, const BaselineTaken& e, Now now);
void on_event(World& w, const ShimRecord& e, Now now);
void on_event(World& w, const ShimGone& e, Now now);
void on_event(World& w, const NeverStarted& e, Now now);
void on_event(World& w, const CheckpointFound& e, Now now);
void on_event(World& w, const Secured& e, Now now);
void on_event(World& w, const RecordWritten& e, Now now);
void on_event(World& w, const HeartbeatWritten& e, Now now);
void on_event(World& w, const EnvironmentHeld& e, Now now);
void on_event(World& w, const Imported& e, Now now);
void on_event(World& w, const EndMoved& e, Now now);
void on_event(World& w, const IdleExpected& e, Now now);
void on_event(World& w, const SaveWished& e, Now now);
void on_event(World& w, const DeathsSeen& e, Now now);
void on_event(World& w, const GpusSeen& e, Now now);
void on_event(World& w, const Flushed& e, Now now);
void on_event(World& w, const ProgressSeen& e, Now now);
void on_event(World& w, const Tick& e, Now now);

} // namespace gpujob::policy::detail
