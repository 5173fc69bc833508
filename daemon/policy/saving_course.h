// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/policy/world.h"

#include <optional>

/// When a running job will be asked to save: the plan of saving/ brought into this session's
/// clocks, and what the job and the user may have said about it.
namespace gpujob::policy {

/// All that a running job has done before this instant is safe: durable where there is a durable
/// directory, else verified here.
BootTime safe_until(const World& w, const Job& job, const Running& running);

/// The reserve that is kept between the last instant of saving and the planned end: TERM goes out
/// at its beginning. At most 30 s, and a sixteenth of a short session.
Duration end_reserve(const Session& session);

/// How long after a request an answer may still come: four times the longest that the job itself
/// has taken so far.
Duration patience(const SaveHistory& history);
/// The same for an answer that is being made durable, on any storage.
Duration copy_patience(const SaveHistory& history);

/// What is known of its next save without its own saves: how large the newest was, how fast others
/// went to the same storage, how long its steps are.
saving::SavePrior prior_of(const World& w, const Job& job);

/// Makes `running.saving` what it should be now. Cheap when nothing has moved.
void plan_saves(const World& w, const Job& job, Running& running, Now now);

/// When the job should be asked to save and go on; nullopt: not, or it has just been asked.
std::optional<BootTime> next_save_due(const Running& running);

/// How long before the end a job with this history would be asked for its last checkpoint if it ran
/// from now on: the user's --lead, else what was learned, else the rule of lead.h.
Duration lead_of(const World& w, const JobSpec& spec, const SaveHistory& history);

} // namespace gpujob::policy
