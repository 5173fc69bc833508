// SPDX-License-Identifier: Apache-2.0
// What lies in a durable directory, as jobs.
#include "common/json.h"
#include "daemon/durable_heartbeats.h"
#include "daemon/durable_reply.h"
#include "daemon/durable_requests.h"
#include "daemon/store/history_codec.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace gpujob::durable_requests {

using json::Json;
using namespace policy;
using gpujob::json::Reader;

namespace {

constexpr double k_longest_save_s = 1e7;

/// As durable/place.h has it: the helper lets no greater number through.
constexpr std::int64_t k_max_number = 1'000'000'000;

int read_number(Reader& r, const char* key) {
  return static_cast<int>(r.integer_in(key, 0, k_max_number));
}

Budgets read_budgets(Reader& outer) {
  Budgets b;
  if (const auto* j = outer.find("budgets")) {
    Reader r(*j, "budgets");
    b = {read_number(r, "interruptions"), read_number(r, "failures"),
         read_number(r, "no_progress")};
  }
  return b;
}

/// What is counted only ever rises; an attempt may have checkpoints, and no record of its
/// beginning.
Budgets never_less(const Budgets& before, const Budgets& told) {
  return {std::max(before.interruptions, told.interruptions),
          std::max(before.failures, told.failures), told.no_progress};
}

WallTime read_time(Reader& r, const char* key) {
  return r.maybe_wall_time(key).value_or(WallTime{});
}

Checkpoint read_checkpoint(const Json& j, int attempt, const std::string& level) {
  Reader r(j, "checkpoint");
  Checkpoint c;
  c.seq = read_number(r, "seq");
  c.attempt = attempt;
  c.state = CheckpointState::verified;
  c.path = r.bytes("source");
  c.step = r.maybe_integer("step");
  c.how = r.text("how");
  c.at = r.wall_time("at_ns");
  c.bytes = r.integer("bytes");
  c.durable_level = level;
  c.durable_path = r.bytes("path");
  if (!r.ok()) {
    c.seq = 0;
  }
  return c;
}

EndState end_state(const std::string& text) {
  for (const auto s : {EndState::parked, EndState::done, EndState::failed, EndState::stopped}) {
    if (text == to_text(s)) {
      return s;
    }
  }
  return EndState::lost;
}

/// What is told of an attempt. One whose VM died at its very start has left its number and nothing
/// else: then what was told before still holds.
void read_attempt(const Json& j, Job& job) {
  Reader r(j, "attempt");
  job.attempt = read_number(r, "attempt");
  const auto began = read_time(r, "at_ns");
  if (began > WallTime{}) {
    job.started = std::max(job.started.value_or(WallTime{}), began);
    job.budgets = never_less(job.budgets, read_budgets(r));
  }
  if (const auto* end = r.find("end")) {
    Reader e(*end, "end");
    job.budgets = never_less(job.budgets, read_budgets(e));
  }
}

/// The last attempt says where the job stands; without an end its session vanished.
void read_last_attempt(const Json& j, Job& job) {
  Reader r(j, "attempt");
  Ended ended{EndState::parked, "the session vanished; run the same line to resume", {}, {}, false};
  const auto* end = r.find("end");
  if (end == nullptr) {
    ++job.budgets.interruptions;
  } else {
    Reader e(*end, "end");
    ended.state = end_state(e.text("state"));
    ended.reason = e.text_or("reason", "");
    if (e.find("exit") != nullptr) {
      ended.code = static_cast<int>(e.integer_in("exit", 0, 255));
    }
    job.ended = read_time(e, "at_ns");
  }
  job.state = std::move(ended);
}

/// Two VMs that ran one job at once used the same numbers. Ours must tell its checkpoints apart;
/// where they lie does not depend on it.
void number_anew(std::vector<Checkpoint>& checkpoints) {
  int last = 0;
  for (auto& c : checkpoints) {
    c.seq = std::max(c.seq, last + 1);
    last = c.seq;
  }
}

/// What the newest checkpoint tells of the saves before it, and of itself.
SaveHistory read_experience(const Json& j) {
  Reader r(j, "checkpoint");
  const auto past = gpujob::json::parse(r.text_or("past", ""), "past");
  auto history = past ? store::read_history(*past) : SaveHistory{};
  const auto pause = r.maybe_number("save_s");
  const auto copy = r.maybe_number("secure_s");
  const auto possible = [](const std::optional<double>& s) {
    return s && *s >= 0 && *s <= k_longest_save_s;
  };
  if (r.ok() && possible(pause) && possible(copy)) {
    saving::SaveSample sample{*pause, *copy, static_cast<double>(r.integer_or("bytes", 0))};
    sample.storage = r.text_or("storage", "");
    if (const auto verify = r.maybe_number("verify_s"); verify && *verify >= 0) {
      sample.verify = std::min(*verify, *copy);
    }
    history.saves.push_back(std::move(sample));
    history.relearn();
  }
  return history;
}

std::optional<Job> read_job(const Json& j, const std::string& level) {
  Reader r(j, "job");
  Job job;
  job.id = r.text("id");
  const auto* spec = r.find("spec");
  const auto* attempts = r.find("attempts");
  if (spec == nullptr || attempts == nullptr || !attempts->is_array() || attempts->empty()) {
    return std::nullopt;
  }
  auto read = job_spec_from_json(*spec);
  if (!read) {
    return std::nullopt;
  }
  job.spec = std::move(*read);
  for (const auto& attempt : *attempts) {
    read_attempt(attempt, job);
    Reader a(attempt, "attempt");
    const auto number = read_number(a, "attempt");
    const auto* checkpoints = a.find("checkpoints");
    for (const auto& c : checkpoints == nullptr ? Json::array() : *checkpoints) {
      auto checkpoint = read_checkpoint(c, number, level);
      if (checkpoint.seq > 0) {
        job.checkpoints.push_back(std::move(checkpoint));
        auto history = read_experience(c);
        if (history.saves.size() >= job.history.saves.size()) {
          history.first = history.first ? history.first : job.history.first;
          job.history = std::move(history);
        }
      }
    }
  }
  std::sort(job.checkpoints.begin(), job.checkpoints.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.attempt, a.seq, a.at) < std::tuple(b.attempt, b.seq, b.at);
  });
  number_anew(job.checkpoints);
  Reader first(attempts->front(), "attempt");
  job.created = read_time(first, "at_ns");
  read_last_attempt(attempts->back(), job);
  auto& ended = std::get<Ended>(job.state);
  ended.saved_at_limit = ended.state == EndState::parked && !job.checkpoints.empty();
  return job;
}

} // namespace

Result<Scanned> read_scan(const Place& place, const Result<std::string>& reply) {
  auto j = opened(reply);
  if (!j) {
    return j.error();
  }
  Reader r(*j, "helper: scan");
  Scanned out;
  out.problems = r.texts_or_empty("problems");
  if (const auto* jobs = r.find("jobs"); jobs != nullptr && jobs->is_array()) {
    for (const auto& item : *jobs) {
      if (auto job = read_job(item, place.level)) {
        out.jobs.push_back(std::move(*job));
      } else {
        out.problems.push_back("a job of the durable directory has no readable spec");
      }
    }
  }
  // Jobs of one name: the one that was run last is the one that the same line continues.
  std::stable_sort(out.jobs.begin(), out.jobs.end(),
                   [](const Job& a, const Job& b) { return a.started < b.started; });
  read_heartbeats(*j, place, out);
  if (const auto* said = r.find("said"); said != nullptr && said->is_array()) {
    for (const auto& item : *said) {
      if (auto read = platform::said_from_json(item)) {
        out.said.push_back(std::move(*read));
      } else {
        out.problems.push_back(read.error().text);
      }
    }
  }
  if (!r.ok()) {
    return r.error();
  }
  return out;
}

} // namespace gpujob::durable_requests
