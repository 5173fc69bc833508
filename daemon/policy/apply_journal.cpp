// SPDX-License-Identifier: Apache-2.0
#include "common/text.h"
#include "daemon/policy/detail.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>
#include <variant>

/// What a shim has written into its journal.
namespace gpujob::policy::detail {

namespace {

struct ApplyRecord {
  World& w;
  Job& job;
  Running& run;
  const ShimRecord& event;
  Now now;

  void operator()(const journal::Started& b) const { run.pid = b.child_pid; }
  void operator()(const journal::Ready&) const { announce(w, job, "the job says it is ready"); }
  void operator()(const journal::Status& b) const { run.status = b.text; }
  void operator()(const journal::Progress& b) const {
    hear_progress(run, b.value, event.record.boot);
    run.steps.tell(event.record.boot);
  }
  void operator()(const journal::Catches& b) const { run.catches = b.signal; }
  void operator()(const journal::DoneMark&) const {}
  void operator()(const journal::Stopping&) const {}
  void operator()(const journal::Extended&) const {
    announce(w, job, "the job asked for more time to save");
  }

  void operator()(const journal::Requested& b) const {
    // A final request takes the place of one that still waits for its answer.
    run.request = Request{b.request, b.final, event.record.boot, b.signal, {}, {}};
    run.request->planned = run.plan_given ? run.plan_given->request_at : std::nullopt;
    job.request_heard = std::max(job.request_heard, b.request);
    announce(w, job, fmt::format("{} checkpoint requested {}", b.final ? "final" : "a", way_of(b)));
    if (!b.signal.empty()) {
      run.catches = b.signal; // handlers may have come since the first look
    }
  }

  [[nodiscard]] std::string way_of(const journal::Requested& b) const {
    if (!b.signal.empty()) {
      return fmt::format("by {}", b.signal);
    }
    if (const auto route = route_of(job.spec); !route.empty()) {
      return fmt::format("by the checkpoint {}", route);
    }
    return "by the notice file alone: it catches no checkpoint signal";
  }

  void operator()(const journal::RouteFailed& b) const {
    const auto text = fmt::format("checkpoint {}: {}", b.route, printable(b.why));
    announce(w, job, text);
    if (!run.request || run.request->answer) {
      return;
    }
    run.request->note = text;
    const bool both = !job.spec.checkpoint_cmd.empty() && !job.spec.checkpoint_copy.empty();
    if (!run.request->final && run.request->signal.empty() && !both) {
      close_unanswered_request(w, job, now); // nobody else was asked
    }
  }

  void operator()(const journal::Recipe& b) const {
    run.recipe = b.name;
    run.recipe_why = b.why;
    run.recipe_exits = b.exits;
    if (b.name != "plain") {
      announce(w, job,
               fmt::format("recipe {} ({}){}", b.name, printable(b.why),
                           b.exits ? ": it ends after it has saved, and is restarted" : ""));
    }
  }

  void operator()(const journal::Checkpoint& b) const {
    Checkpoint c;
    // What was there when the attempt began is no answer, whoever finds it.
    const bool old = b.path.empty() && std::find(job.baseline.begin(), job.baseline.end(),
                                                 event.signature) != job.baseline.end();
    c.path = b.path.empty() ? (old ? std::string() : event.found) : b.path;
    c.signature = event.signature;
    c.step = b.step;
    c.how = b.how;
    c.at = event.record.wall;
    hear_checkpoint(w, job, std::move(c), std::nullopt, now);
  }

  void operator()(const journal::TermSent& b) const {
    run.ending = true;
    announce(w, job,
             fmt::format("TERM sent ({})",
                         b.reason == EndReason::stop ? "stop asked for" : "the session ends"));
  }
  void operator()(const journal::KillSent&) const { announce(w, job, "KILL sent"); }
  void operator()(const journal::LeaderExited&) const {}
};

void start_running(Job& job, const ShimRecord& e) {
  if (const auto* starting = std::get_if<Starting>(&job.state)) {
    Running run;
    run.since = e.record.boot;
    run.plan_given = starting->plan;
    run.catches = route_of(job.spec);
    job.continue_answered.reset();
    job.state = std::move(run);
    job.started = e.record.wall;
  }
}

} // namespace

void on_event(World& w, const ShimRecord& e, Now now) {
  auto* job = find_attempt(w, e.id, e.attempt);
  if (job == nullptr || e.record.seq <= job->journal_seq) {
    return;
  }
  start_running(*job, e);
  auto* run = std::get_if<Running>(&job->state);
  if (run == nullptr) {
    return;
  }
  job->journal_seq = e.record.seq;
  std::visit(ApplyRecord{w, *job, *run, e, now}, e.record.body);
  touch(w, *job);
}

} // namespace gpujob::policy::detail
