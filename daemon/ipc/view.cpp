// SPDX-License-Identifier: Apache-2.0
#include "daemon/ipc/view.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/launch.h"
#include "common/signals.h"
#include "common/text.h"
#include "daemon/ipc/saving_view.h"
#include "daemon/policy/core.h"
#include "daemon/policy/gpu_choice.h"
#include "daemon/policy/verdict.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

namespace gpujob::ipc {

using namespace policy;
using json::Json;

namespace {

/// A view must fit a frame of 64 KiB whatever the user's command line and paths are. These count
/// printable bytes; JSON doubles some of them.
constexpr std::size_t k_max_argv = 4096;
constexpr std::size_t k_max_text = 2048;
constexpr std::size_t k_max_reason = 200;      ///< in a line of `ps`
constexpr std::size_t k_max_gpus_bytes = 2048; ///< some forty
constexpr std::size_t k_max_checkpoints = 20;
constexpr std::size_t k_max_checkpoint_bytes = 24 * 1024; ///< all of them, as JSON

std::string shown(const std::string& text, std::size_t most = k_max_text) {
  // A character more than can be seen, so that the cut is never within one that is not whole.
  auto out = printable(std::string_view(text).substr(0, most + 4));
  if (out.size() <= most) {
    return out;
  }
  out.resize(most);
  while (!is_utf8(out)) {
    out.pop_back();
  }
  return out + "…";
}

Json instant(const std::optional<WallTime>& t) {
  return t ? Json(format_rfc3339(*t)) : Json();
}

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json maybe_text(const std::string& text) {
  return text.empty() ? Json() : Json(shown(text));
}

Json argv_view(const std::vector<std::string>& argv) {
  auto out = Json::array();
  std::size_t total = 0;
  for (const auto& word : argv) {
    auto text = printable(std::string_view(word).substr(0, k_max_argv + 1));
    total += text.size() + 3; // quotes and comma
    if (total > k_max_argv) {
      out.push_back("…");
      break;
    }
    out.push_back(std::move(text));
  }
  return out;
}

/// Why the current attempt was not given it, where it was tried.
std::string passed_over(const Job& job, const Checkpoint& c) {
  const auto where = (c.durable_path.empty() ? c.path : c.durable_path) + ": ";
  for (const auto& line : job.rejected) {
    if (c.attempt < job.attempt && line.starts_with(where)) {
      return "passed over at the last resume: " + line.substr(where.size());
    }
  }
  return {};
}

Json checkpoint_view(const Job& job, const Checkpoint& c, const std::optional<Storing>& storing) {
  const bool known = storing && storing->seq == c.seq && is_being_stored(c);
  return {{"seq", c.seq},
          {"path", maybe_text(c.path)},
          {"confirmed", c.state == CheckpointState::verified},
          {"state", to_text(c.state)},
          {"how", shown(c.how)},
          {"durable", maybe_text(c.durable_level)},
          {"durable_path", maybe_text(c.durable_path)},
          {"at", format_rfc3339(c.at)},
          {"attempt", c.attempt},
          {"step", maybe(c.step)},
          {"bytes", c.state == CheckpointState::verified ? Json(c.bytes) : Json()},
          {"stored_bytes", known ? Json(storing->done) : Json()},
          {"total_bytes", known ? Json(storing->total) : Json()},
          {"stored_per_s", known ? maybe(storing->per_second) : Json()},
          {"note", maybe_text(c.note.empty() ? passed_over(job, c) : c.note)}};
}

/// The newest of them, oldest first; always the very newest.
Json checkpoints_view(const Job& job, const std::optional<Storing>& storing) {
  std::vector<Json> newest;
  std::size_t bytes = 0;
  for (auto it = job.checkpoints.rbegin(); it != job.checkpoints.rend(); ++it) {
    auto view = checkpoint_view(job, *it, storing);
    bytes += gpujob::json::dump(view).size();
    if (newest.size() == k_max_checkpoints || (bytes > k_max_checkpoint_bytes && !newest.empty())) {
      break;
    }
    newest.push_back(std::move(view));
  }
  auto out = Json::array();
  std::move(newest.rbegin(), newest.rend(), std::back_inserter(out));
  return out;
}

/// What it has to itself now, by UUID and as `gpujob gpu` counts them.
void put_gpus(Json& j, const World& w, const Job& job) {
  auto uuids = Json::array();
  auto names = Json::array();
  std::size_t bytes = 0;
  for (const auto& gpu : is_at_work(job) ? job.gpus : std::vector<AssignedGpu>{}) {
    uuids.push_back(shown(gpu.uuid, 100));
    names.push_back(gpu_label(w.gpus, gpu.uuid));
    bytes += uuids.back().dump().size() + names.back().dump().size();
    if (bytes > k_max_gpus_bytes) {
      break;
    }
  }
  j["gpus"] = std::move(uuids);
  j["gpu_names"] = std::move(names);
}

Json plan_view(const Running* running, Now now) {
  if (running == nullptr || !running->plan_given || !running->plan_given->term_at) {
    return {};
  }
  const auto& plan = *running->plan_given;
  const auto wall = [&](const std::optional<BootTime>& t) {
    return t ? Json(format_rfc3339(now.wall_at(*t))) : Json();
  };
  return {{"reason", to_text(plan.reason)},
          {"request_at", wall(plan.request_at)},
          {"term_at", wall(plan.term_at)},
          {"ends_at", wall(plan.hard_end)}};
}

void put_exit(Json& j, const Job& job) {
  std::optional<int> code, signal;
  if (const auto* ended = job.ended_state()) {
    code = ended->code;
    signal = ended->signal;
  } else if (const auto* ending = std::get_if<Ending>(&job.state); ending && ending->record) {
    code = ending->record->code;
    signal = ending->record->signal;
  }
  j["exit"] = maybe(shell_exit(code, signal));
  j["signal"] = signal ? Json(signal_name(*signal)) : Json();
  j["run_exit"] = maybe(run_exit(job));
}

/// How far it is, and how long its work still takes, by the job's word or its progress bar.
void put_progress(Json& j, const Job& job, Now now) {
  const auto* running = std::get_if<Running>(&job.state);
  const auto* p = running != nullptr && running->progress ? &*running->progress : nullptr;
  const auto left = policy::work_left(job, now);
  j["progress"] = p != nullptr ? Json(p->done) : Json();
  j["progress_by"] = p != nullptr ? Json(p->told ? "job" : "output") : Json();
  j["rate"] = p != nullptr ? maybe_text(p->rate) : Json();
  j["left_s"] = left ? Json(to_seconds(*left)) : Json();
}

void put_running(Json& j, const Job& job, Now now) {
  const auto* running = std::get_if<Running>(&job.state);
  j["pid"] = running != nullptr && running->pid > 0 ? Json(running->pid) : Json();
  put_progress(j, job, now);
  j["status"] = running != nullptr ? maybe_text(running->status) : Json();
  j["catches"] = running != nullptr ? maybe_text(running->catches) : Json();
  j["recipe"] = running != nullptr ? maybe_text(running->recipe) : Json();
  j["recipe_why"] = running != nullptr ? maybe_text(running->recipe_why) : Json();
  const auto contract = contract_of(job);
  j["contract"] = contract ? Json(to_text(*contract)) : Json();
  j["plan"] = plan_view(running, now);
  j["saving"] = saving_view(job, now);
}

} // namespace

Json job_view(const World& w, const Job& job, const StatePaths& paths, Now now,
              const std::optional<Storing>& storing) {
  Json j{{"id", job.id},
         {"name", job.spec.name},
         {"state", state_text(job)},
         {"reason", maybe_text(reason_now(w, job, now))},
         {"attempt", job.attempt},
         {"argv", argv_view(job.spec.argv)},
         {"cwd", shown(job.spec.cwd)},
         {"created_at", format_rfc3339(job.created)},
         {"started_at", instant(policy::started_at(job, now))},
         {"ended_at", instant(job.ended)},
         {"log", job.attempt > 0 ? Json(shown(paths.attempt_dir(job.id, job.attempt) + "/" +
                                              attempt_file::k_output))
                                 : Json()},
         {"resume_from", maybe_text(job.resume_from)},
         {"interruptions", job.budgets.interruptions},
         {"failures", job.budgets.failures},
         {"no_progress", job.budgets.no_progress},
         {"checkpoints", checkpoints_view(job, storing)}};
  put_gpus(j, w, job);
  put_exit(j, job);
  put_running(j, job, now);
  return j;
}

Json short_view(const World& w, const Job& job, Now now) {
  const auto* newest = newest_verified(job);
  const auto reason = reason_now(w, job, now);
  Json j{{"id", job.id},
         {"name", job.spec.name},
         {"state", state_text(job)},
         {"reason", reason.empty() ? Json() : Json(shown(reason, k_max_reason))},
         {"attempt", job.attempt},
         {"created_at", format_rfc3339(job.created)},
         {"started_at", instant(policy::started_at(job, now))},
         {"ended_at", instant(job.ended)},
         {"checkpoint_at", newest != nullptr ? Json(format_rfc3339(newest->at)) : Json()}};
  put_gpus(j, w, job);
  put_exit(j, job);
  put_progress(j, job, now);
  return j;
}

std::string view_fingerprint(const Job& job) {
  auto out = fmt::format("{} {} {} {}", state_text(job), job.attempt, reason_text(job),
                         run_exit(job).has_value());
  for (const auto& c : job.checkpoints) {
    out += fmt::format(" {}:{}:{}", c.seq, to_text(c.state), c.durable_level);
  }
  return out;
}

} // namespace gpujob::ipc
