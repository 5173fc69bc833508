// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable_requests.h"

#include "common/json.h"
#include "common/remote_name.h"
#include "common/text.h"
#include "daemon/policy/verdict.h"
#include "daemon/store/history_codec.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gpujob::durable_requests {

using json::Json;
using namespace policy;
using gpujob::json::from_bytes;

namespace {

constexpr std::size_t k_longest_kind = 64; ///< of a filesystem's or a remote's name

Json budgets_json(const Budgets& b) {
  return {
      {"interruptions", b.interruptions}, {"failures", b.failures}, {"no_progress", b.no_progress}};
}

Json remote_json(const Place& place) {
  return place.remote.empty() ? Json() : from_bytes(place.remote);
}

Json attempt_json(const char* op, const Place& place, const Job& job, WallTime now) {
  return {{"op", op},
          {"dir", from_bytes(place.dir)},
          {"remote", remote_json(place)},
          {"job", job.id},
          {"attempt", job.attempt},
          {"session", place.session},
          {"at_ns", to_ns(now)},
          {"budgets", budgets_json(job.budgets)}};
}

} // namespace

std::string manifest_path(const StatePaths& paths, const Job& job, int seq) {
  const auto* c = find_checkpoint(const_cast<Job&>(job), seq);
  return fmt::format("{}/manifests/{}-{}.json", paths.job_dir(job.id),
                     c == nullptr ? job.attempt : c->attempt, seq);
}

std::string Place::shown() const {
  return remote.empty() ? dir : std::string(k_rclone_prefix) + remote;
}

std::string Place::kind() const {
  if (dir.empty()) {
    return "this VM";
  }
  if (filesystem.empty()) {
    return {};
  }
  // Of a remote its name, where it has one: what stands there without one may hold a key.
  const auto name = remote.substr(0, remote.find(':'));
  constexpr std::string_view k_plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ";
  const bool plain = !name.empty() && name.find_first_not_of(k_plain) == std::string::npos;
  const auto what = remote.empty() ? filesystem : plain ? "rclone " + name : std::string("rclone");
  return fmt::format("{}, {}", printable(what.substr(0, k_longest_kind)), level);
}

std::string open(const Place& place, const std::string& require_mount) {
  return gpujob::json::dump({{"op", "open"},
                             {"dir", from_bytes(place.dir)},
                             {"remote", remote_json(place)},
                             {"require_mount", require_mount}});
}

std::string scan(const Place& place, const std::vector<std::string>& others) {
  std::vector<std::string> dirs{place.dir};
  dirs.insert(dirs.end(), others.begin(), others.end());
  return gpujob::json::dump({{"op", "scan"},
                             {"dirs", gpujob::json::from_bytes_list(dirs)},
                             {"remote", remote_json(place)},
                             {"session", place.session}});
}

namespace {

Json begin_json(const Place& place, const Job& job, WallTime now) {
  auto j = attempt_json("begin", place, job, now);
  j["spec"] = to_json(job.spec);
  return j;
}

} // namespace

std::string begin(const Place& place, const Job& job, WallTime now) {
  return gpujob::json::dump(begin_json(place, job, now));
}

std::string end(const Place& place, const Job& job, WallTime now) {
  auto j = attempt_json("end", place, job, now);
  const auto* ended = job.ended_state();
  const auto exit = ended == nullptr ? std::nullopt : shell_exit(ended->code, ended->signal);
  j["state"] = state_text(job);
  j["exit"] = exit ? Json(*exit) : Json();
  j["reason"] = reason_text(job);
  return gpujob::json::dump(j);
}

namespace {

/// From the request that it answered to the word that it is saved; null: nobody asked for it.
Json save_s(const Job& job, const Checkpoint& c) {
  const auto* running = std::get_if<Running>(&job.state);
  const bool asked = running != nullptr && running->request && c.heard &&
                     running->request->answer == c.seq && *c.heard >= running->request->sent;
  return asked ? Json(std::chrono::duration<double>(*c.heard - running->request->sent).count())
               : Json();
}

} // namespace

std::string secure(const Place& place, const StatePaths& paths, const Job& job, int seq,
                   WallTime now) {
  // Its own write failed, or is under way.
  const bool owed = !place.dir.empty() && job.begin_record != Work::none;
  const auto* c = find_checkpoint(const_cast<Job&>(job), seq);
  return gpujob::json::dump({{"op", "secure"},
                             {"job", job.id},
                             {"attempt", c->attempt},
                             {"session", place.session},
                             {"seq", seq},
                             {"path", from_bytes(c->path)},
                             {"how", c->how},
                             {"step", c->step ? Json(*c->step) : Json()},
                             {"at_ns", to_ns(c->at)},
                             {"dir", place.dir.empty() ? Json() : from_bytes(place.dir)},
                             {"remote", remote_json(place)},
                             {"level", place.level},
                             {"manifest", from_bytes(manifest_path(paths, job, seq))},
                             {"progress", from_bytes(paths.storing(job.id))},
                             {"keep", job.spec.keep},
                             {"save_s", save_s(job, *c)},
                             {"storage", place.kind()},
                             {"begin", owed ? begin_json(place, job, now) : Json()},
                             {"past", gpujob::json::dump(store::history_json(job.history))}});
}

std::string resume(const Place& place, const StatePaths& paths, const Job& job) {
  auto candidates = Json::array();
  for (auto it = job.checkpoints.rbegin(); it != job.checkpoints.rend(); ++it) {
    if (it->state == CheckpointState::verified) {
      // Without a manifest of this machine it was made elsewhere: its path means nothing here.
      candidates.push_back({{"path", from_bytes(it->manifest.empty() ? "" : it->path)},
                            {"manifest", from_bytes(it->manifest)},
                            {"durable_path", from_bytes(it->durable_path)}});
    }
  }
  return gpujob::json::dump({{"op", "resume"},
                             {"dir", place.dir.empty() ? Json() : from_bytes(place.dir)},
                             {"remote", remote_json(place)},
                             {"ckpt_dir", from_bytes(paths.checkpoint_dir(job.id))},
                             {"candidates", std::move(candidates)}});
}

Duration copy_deadline(const Job& job) {
  using namespace std::chrono_literals;
  // One whose first copy came to no end was verified before: its bytes are known by then. A place
  // of its own for longer than a day is for nothing that hangs.
  constexpr std::int64_t k_slow_bytes_per_s = 2'000'000;
  std::int64_t bytes = 0;
  for (const auto& checkpoint : job.checkpoints) {
    bytes = std::max(bytes, checkpoint.bytes);
  }
  const auto seconds = std::chrono::seconds(bytes / k_slow_bytes_per_s);
  return 30min + std::min<std::chrono::seconds>(seconds, 24h);
}

std::string disk(const std::vector<std::string>& paths) {
  return gpujob::json::dump({{"op", "disk"}, {"paths", gpujob::json::from_bytes_list(paths)}});
}

std::string say(const Place& place, const std::vector<platform::Said>& said) {
  auto list = Json::array();
  for (const auto& s : said) {
    list.push_back(platform::to_json(s));
  }
  return gpujob::json::dump({{"op", "say"},
                             {"dir", from_bytes(place.dir)},
                             {"remote", remote_json(place)},
                             {"said", std::move(list)}});
}

std::string heartbeat(const Place& place, const Beat& beat) {
  const auto maybe = [](const auto& t) { return t ? Json(to_ns(*t)) : Json(); };
  return gpujob::json::dump({{"op", "heartbeat"},
                             {"dir", from_bytes(place.dir)},
                             {"remote", remote_json(place)},
                             {"session", place.session},
                             {"seq", beat.seq},
                             {"at_ns", to_ns(beat.at)},
                             {"ends_at_ns", maybe(beat.ends_at)},
                             {"interval_s", to_seconds(beat.interval)},
                             {"jobs", beat.jobs},
                             {"closed", beat.closed},
                             {"platform", beat.platform},
                             {"resource", beat.resource},
                             {"machine", beat.machine},
                             {"began_ns", maybe(beat.began)}});
}

} // namespace gpujob::durable_requests
