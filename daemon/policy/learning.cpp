// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/detail.h"
#include "daemon/policy/saving_course.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

/// What a checkpoint that is safe teaches of the saves to come.
namespace gpujob::policy {

namespace {

/// Of thousands of jobs, lest a plan take long where none of them ever went to this storage.
constexpr int k_most_asked = 256;

/// Its own saves say it best; else those of any job.
std::optional<double> bandwidth_of(const World& w, const std::vector<saving::SaveSample>& own) {
  auto measured = saving::measured_bandwidth(own, w.session.storage);
  int asked = 0;
  for (auto it = w.jobs.begin(); it != w.jobs.end() && !measured && asked < k_most_asked;
       ++it, ++asked) {
    measured = saving::measured_bandwidth(it->second.history.saves, w.session.storage);
  }
  return measured;
}

} // namespace

saving::SavePrior prior_of(const World& w, const Job& job) {
  saving::SavePrior prior;
  const auto& saves = job.history.saves;
  if (!saves.empty() && saves.back().bytes > 0) {
    prior.bytes = saves.back().bytes;
  }
  prior.bytes_per_second = bandwidth_of(w, saves).value_or(prior.bytes_per_second);
  const auto* running = std::get_if<Running>(&job.state);
  if (const auto rhythm = running == nullptr ? std::nullopt : running->steps.rhythm()) {
    prior.longest_step = rhythm->mean;
  }
  return prior;
}

namespace detail {

/// How long a save that was asked for at `sent` took. When it was heard of is not known after a
/// restart of the daemon: then it teaches nothing.
void learn(const World& w, Job& job, BootTime sent, const Checkpoint& c,
           std::optional<double> verify, Now now) {
  if (!c.heard || *c.heard < sent || now.boot < *c.heard) {
    return;
  }
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  const auto* running = std::get_if<Running>(&job.state);
  saving::SaveSample sample{seconds(*c.heard - sent), seconds(now.boot - *c.heard),
                            static_cast<double>(c.bytes)};
  sample.step = running == nullptr ? std::nullopt : running->steps.rest_of_step(sent, *c.heard);
  sample.verify = verify;
  sample.storage = w.session.storage;
  job.history.saves.push_back(std::move(sample));
  job.history.relearn(w.session.storage, prior_of(w, job));
}

/// One that came after its request had been given up.
void learn_late(const World& w, Job& job, const Checkpoint& c, std::optional<double> verify,
                Now now) {
  auto* running = std::get_if<Running>(&job.state);
  if (running != nullptr && running->late && !running->request && c.attempt == job.attempt) {
    learn(w, job, *running->late, c, verify, now);
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

} // namespace detail

} // namespace gpujob::policy
