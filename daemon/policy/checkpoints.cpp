// SPDX-License-Identifier: Apache-2.0
#include "common/duration.h"
#include "common/text.h"
#include "daemon/policy/detail.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

/// From "the job says it saved" to "verified and stored".
namespace gpujob::policy::detail {

using namespace std::chrono_literals;

namespace {

/// A look without an answer and a copy that failed are repeated after 5 s, 10 s, 20 s ...
constexpr Duration k_first_retry = 5s;
constexpr Duration k_last_retry = 2min;
/// A helper that dies over one checkpoint this often would do so for ever.
constexpr int k_most_failed_looks = 6;
/// Checkpoint records kept per job; the verified ones that matter are the newest.
constexpr std::size_t k_records_kept = 50;

int next_seq(const Job& job) {
  int highest = 0;
  for (const auto& c : job.checkpoints) {
    highest = std::max(highest, c.seq);
  }
  return highest + 1;
}

Checkpoint* same_files(Job& job, const std::string& signature) {
  const auto it =
      std::find_if(job.checkpoints.rbegin(), job.checkpoints.rend(), [&](const Checkpoint& c) {
        return !signature.empty() && c.signature == signature &&
               c.state != CheckpointState::rejected;
      });
  return it == job.checkpoints.rend() ? nullptr : &*it;
}

/// Keeps the list short; never drops a verified record while it is the newest with its level.
void trim_records(Job& job) {
  const auto* newest = newest_verified(job);
  const int keep_seq = newest == nullptr ? 0 : newest->seq;
  auto& list = job.checkpoints;
  for (auto it = list.begin(); list.size() > k_records_kept && it != list.end();) {
    const bool open = it->state == CheckpointState::heard || it->state == CheckpointState::securing;
    it = open || it->seq == keep_seq ? it + 1 : list.erase(it);
  }
}

Request* open_request(Job& job) {
  auto* running = std::get_if<Running>(&job.state);
  return running != nullptr && running->request ? &*running->request : nullptr;
}

/// `since`: when files that nobody spoke for were first seen; older than the request they are a
/// periodic save, and no answer to it.
void answer(World& w, Job& job, const Checkpoint& c, std::optional<BootTime> since, Now now) {
  auto* request = open_request(job);
  if (request == nullptr || request->answer || (since && *since < request->sent)) {
    return;
  }
  request->answer = c.seq;
  if (!request->final) {
    job.continue_answered = since.value_or(now.boot);
  }
  // Already safe: the job answered with a checkpoint that was verified before.
  if (c.state == CheckpointState::verified && (!w.session.durable || !c.durable_level.empty())) {
    request->saved = now.boot;
  }
}

std::string describe(const Checkpoint& c) {
  const auto step = c.step ? fmt::format(" (step {})", *c.step) : std::string();
  return fmt::format("{}{}", printable(c.path), step);
}

} // namespace

void hear_checkpoint(World& w, Job& job, Checkpoint c, std::optional<BootTime> since, Now now) {
  if (c.path.empty()) {
    announce(w, job,
             fmt::format("the job says it saved ({}) but not where, and nothing new is "
                         "complete: unconfirmed so far",
                         c.how));
    return;
  }
  if (auto* known = same_files(job, c.signature)) {
    if (known->how == "files") {
      known->how = c.how;
      known->step = c.step ? c.step : known->step;
    }
    answer(w, job, *known, since, now);
    return;
  }
  c.seq = next_seq(job);
  c.attempt = job.attempt;
  c.state = CheckpointState::heard;
  c.heard = since.value_or(now.boot);
  job.checkpoints.push_back(std::move(c));
  learn_left(job, job.checkpoints.back(), now);
  answer(w, job, job.checkpoints.back(), since, now);
  trim_records(job);
  w.active.insert(job.id);
  touch(w, job);
}

void close_unanswered_request(World& w, Job& job, Now now) {
  auto* request = open_request(job);
  if (request == nullptr) {
    return;
  }
  if (!request->answer) {
    auto& running = std::get<Running>(job.state);
    ++running.unanswered;
    running.late = request->sent;
    Checkpoint c;
    c.seq = next_seq(job);
    c.attempt = job.attempt;
    c.state = CheckpointState::unconfirmed;
    c.how = "none";
    c.at = now.wall;
    c.note = request->note.empty() ? "asked for, and no acknowledgement came" : request->note;
    job.checkpoints.push_back(std::move(c));
    trim_records(job);
    if (request->note.empty()) {
      announce(w, job, "unconfirmed: a checkpoint was asked for, and no acknowledgement came");
    }
  }
  std::get<Running>(job.state).request.reset();
  touch(w, job);
}

bool secure_pending(const Job& job) {
  return std::any_of(job.checkpoints.begin(), job.checkpoints.end(), [](const Checkpoint& c) {
    return c.state == CheckpointState::heard || c.state == CheckpointState::securing;
  });
}

const Checkpoint* next_to_secure(const World& w, const Job& job, Now now) {
  const auto& list = job.checkpoints;
  const auto busy = [](const Checkpoint& c) {
    return c.state == CheckpointState::securing || c.copying;
  };
  if (std::any_of(list.begin(), list.end(), busy)) {
    return nullptr;
  }
  const auto heard = std::find_if(list.rbegin(), list.rend(), [&](const Checkpoint& c) {
    return c.state == CheckpointState::heard && (!c.retry_at || *c.retry_at <= now.boot);
  });
  if (heard != list.rend()) {
    return &*heard;
  }
  const auto* newest = newest_verified(job);
  const bool retry = newest != nullptr && w.session.durable && newest->durable_level.empty() &&
                     newest->retry_at && *newest->retry_at <= now.boot;
  return retry ? newest : nullptr;
}

void on_event(World& w, const CheckpointFound& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  const auto in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), e.signature) != list.end();
  };
  if (job == nullptr || in(job->baseline)) {
    return;
  }
  // Looked at before and found wanting: the same bytes do not become better.
  const bool rejected =
      std::any_of(job->checkpoints.begin(), job->checkpoints.end(), [&](const Checkpoint& c) {
        return c.state == CheckpointState::rejected && c.signature == e.signature;
      });
  if (rejected) {
    return;
  }
  Checkpoint c;
  c.path = e.path;
  c.signature = e.signature;
  c.how = e.how;
  c.at = now.wall;
  hear_checkpoint(w, *job, std::move(c), e.since, now);
}

namespace {

void reject(World& w, Job& job, Checkpoint& c, const std::string& why) {
  c.state = CheckpointState::rejected;
  c.note = why;
  if (auto* request = open_request(job); request != nullptr && request->answer == c.seq) {
    request->answer.reset();
    request->refused = true;
  }
  announce(w, job, fmt::format("checkpoint not confirmed: {}: {}", printable(c.path), why));
}

BootTime next_try(Checkpoint& c, Now now) {
  const int doublings = std::min(c.failures++, 10);
  return now.boot + std::min<Duration>(k_first_retry * (1 << doublings), k_last_retry);
}

/// No answer is no verdict: what was known of the checkpoint stays.
void ask_again(World& w, Job& job, Checkpoint& c, const Secured& e, Now now) {
  const bool looked = c.state == CheckpointState::securing;
  if (looked && c.failures + 1 >= k_most_failed_looks) {
    c.state = CheckpointState::unconfirmed;
    c.note = "could not be looked at: " + e.why;
    if (auto* request = open_request(job); request != nullptr && request->answer == c.seq) {
      request->answer.reset();
      request->refused = true;
    }
    announce(w, job, fmt::format("checkpoint {}: {}: given up", printable(c.path), e.why));
    return;
  }
  c.state = looked ? CheckpointState::heard : c.state;
  c.note = looked ? c.note : "not durable: " + e.why;
  c.retry_at = next_try(c, now);
  announce(w, job, fmt::format("checkpoint {}: {}: trying again", printable(c.path), e.why));
}

/// What nobody has looked at and is older is overtaken: a resume would use the newest.
void forget_overtaken(Job& job, int seq) {
  std::erase_if(job.checkpoints, [&](const Checkpoint& c) {
    return c.state == CheckpointState::heard && c.seq < seq;
  });
}

void confirm(World& w, Job& job, Checkpoint& c, const Secured& e, Now now) {
  const bool first = c.state != CheckpointState::verified;
  c.state = CheckpointState::verified;
  c.bytes = e.bytes;
  c.manifest = e.manifest;
  c.durable_level = e.durable_level;
  c.durable_path = e.durable_path;
  c.note = e.durable_error;
  c.retry_at.reset();
  if (!e.durable_error.empty()) {
    c.retry_at = next_try(c, now);
    announce(w, job, "checkpoint confirmed here but not durable: " + e.durable_error);
    return;
  }
  c.failures = 0;
  const auto place = c.durable_level.empty()
                         ? std::string("on this machine only")
                         : fmt::format("{} in {}", c.durable_level, printable(c.durable_path));
  if (first || !c.durable_level.empty()) {
    announce(w, job,
             fmt::format("checkpoint confirmed ({}): {}, {}, {}", c.how, describe(c),
                         format_bytes(static_cast<unsigned long long>(c.bytes)), place));
  }
}

} // namespace

void on_event(World& w, const Secured& e, Now now) {
  auto* job = find_job(w, e.id);
  auto* c = job == nullptr ? nullptr : find_checkpoint(*job, e.seq);
  if (c == nullptr || (c->state != CheckpointState::securing && !c->copying)) {
    return;
  }
  if (e.begun == job->attempt && job->begin_record != Work::none) {
    job->begin_record = Work::none;
    job->record_retry_at.reset(); // the record of its end need not wait, either
  }
  const bool again = std::exchange(c->copying, false);
  const bool at_once = c->failures == 0; // a mount that was away tells nothing of the next save
  Checkpoint looked;
  if (!e.answered) {
    ask_again(w, *job, *c, e, now);
  } else if (e.verified) {
    confirm(w, *job, *c, e, now);
    learn_first(*job, *c);
    looked = *c;
    forget_overtaken(*job, e.seq); // c is void from here
  } else if (again) {
    c->note = "not durable, and here no longer: " + e.why; // the job has written over it
  } else {
    reject(w, *job, *c, e.why);
  }
  auto* request = open_request(*job);
  const bool safe = e.verified && (!w.session.durable || !e.durable_level.empty());
  // The answer, or a newer one that overtook it.
  if (request != nullptr && request->answer && e.seq >= *request->answer && safe) {
    request->saved = now.boot;
    if (at_once) {
      learn(w, *job, request->sent, looked, e.verify_s, now);
    }
    std::get<Running>(job->state).unanswered = 0;
    if (!request->final) {
      std::get<Running>(job->state).request.reset(); // answered: a continue request is closed
    }
  }
  if (safe && at_once) {
    learn_late(w, *job, looked, e.verify_s, now);
  }
  touch(w, *job);
}

} // namespace gpujob::policy::detail
