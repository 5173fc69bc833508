// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/detail.h"

#include <algorithm>
#include <chrono>

/// What a checkpoint that is safe teaches of the saves to come.
namespace gpujob::policy::detail {

/// How long a save that was asked for at `sent` took. When it was heard of is not known after a
/// restart of the daemon: then it teaches nothing.
void learn(Job& job, BootTime sent, const Checkpoint& c, Now now) {
  if (!c.heard || *c.heard < sent || now.boot < *c.heard) {
    return;
  }
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  job.history.saves.push_back(
      {seconds(*c.heard - sent), seconds(now.boot - *c.heard), static_cast<double>(c.bytes)});
  job.history.relearn();
}

/// One that came after its request had been given up.
void learn_late(Job& job, const Checkpoint& c, Now now) {
  auto* running = std::get_if<Running>(&job.state);
  if (running != nullptr && running->late && !running->request && c.attempt == job.attempt) {
    learn(job, *running->late, c, now);
    running->late.reset();
    running->unanswered = 0;
  }
}

/// Of an attempt's first checkpoint, if nobody asked for it: how long the job took to get there.
void learn_first(Job& job, const Checkpoint& c) {
  const auto* running = std::get_if<Running>(&job.state);
  const bool first = std::ranges::none_of(job.checkpoints, [&](const Checkpoint& other) {
    return other.attempt == job.attempt && other.seq < c.seq &&
           other.state == CheckpointState::verified;
  });
  if (running != nullptr && first && c.heard && job.request_wanted == 0 && !running->request &&
      *c.heard > running->since) {
    job.history.first = *c.heard - running->since;
  }
}

} // namespace gpujob::policy::detail
