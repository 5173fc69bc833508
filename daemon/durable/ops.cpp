// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/ops.h"

#include "common/job_spec.h"
#include "common/json.h"
#include "daemon/durable/disk.h"
#include "daemon/durable/ledger.h"
#include "daemon/durable/op_request.h"
#include "daemon/durable/open.h"
#include "daemon/durable/sayings.h"
#include "daemon/durable/scan.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::durable {

namespace {

using gpujob::json::from_bytes;
using gpujob::json::Reader;
using json::Json;

Result<Json> op_open(Reader& r, const Json& /*request*/) {
  const auto dir = read_path(r, "dir");
  const auto remote = read_remote(r, dir);
  const auto require_mount = r.text_or("require_mount", "");
  if (!r.ok()) {
    return r.error();
  }
  if (remote) {
    GPUJOB_TRY(remote->open());
    return Json{{"level", "stored"}, {"filesystem", "rclone"}, {"warnings", Json::array()}};
  }
  const auto opened = open_durable(dir, require_mount, read_mounts());
  if (!opened) {
    return opened.error();
  }
  return Json{
      {"level", opened->level}, {"filesystem", opened->filesystem}, {"warnings", opened->warnings}};
}

Json to_json(const StoredCheckpoint& c, const std::optional<Remote>& remote) {
  const auto& m = c.manifest;
  const auto maybe = [](const auto& value) { return value ? Json(*value) : Json(); };
  return {{"seq", m.seq},
          {"path", from_bytes(remote ? remote->shown(c.path) : c.path)},
          {"source", from_bytes(m.source)},
          {"how", m.how},
          {"step", maybe(m.step)},
          {"at_ns", m.at_ns},
          {"bytes", m.bytes()},
          {"save_s", maybe(m.took.save_s)},
          {"secure_s", maybe(m.took.secure_s())},
          {"verify_s", maybe(m.took.verify_s)},
          {"storage", m.took.storage},
          {"past", m.past}};
}

Json to_json(const StoredAttempt& a, const std::optional<Remote>& remote) {
  auto checkpoints = Json::array();
  for (const auto& c : a.checkpoints) {
    checkpoints.push_back(to_json(c, remote));
  }
  return {{"attempt", a.key.attempt},
          {"session", a.key.session},
          {"at_ns", a.at_ns()},
          {"budgets", to_json(a.begin ? a.begin->budgets : Budgets{})},
          {"end", a.end ? to_json(*a.end) : Json()},
          {"checkpoints", std::move(checkpoints)}};
}

/// Null when no attempt of it has a spec that reads: nobody could run it again.
Json to_json(const StoredJob& job, const std::optional<Remote>& remote) {
  auto attempts = Json::array();
  Json spec;
  for (const auto& a : job.attempts) {
    attempts.push_back(to_json(a, remote));
    if (a.begin) {
      spec = gpujob::to_json(a.begin->spec);
    }
  }
  if (spec.is_null()) {
    return {};
  }
  return {{"id", job.id}, {"spec", std::move(spec)}, {"attempts", std::move(attempts)}};
}

Result<Json> op_scan(Reader& r, const Json& /*request*/) {
  const auto dirs = r.bytes_list("dirs");
  if (!r.ok()) {
    return r.error();
  }
  const auto remote = read_remote(r, dirs.empty() ? std::string() : dirs.front());
  const auto session = remote ? read_id(r, "session") : std::string();
  if (!r.ok()) {
    return r.error();
  }
  if (remote) {
    GPUJOB_TRY(remote->pull(session));
  }
  // One that is away must not look like one that is empty: leases and jobs would be forgotten.
  if (!dirs.empty()) {
    GPUJOB_TRY(check_durable(dirs.front(), read_mounts()));
  }
  Problems problems;
  auto jobs = Json::array();
  for (const auto& job : scan_jobs(dirs, problems)) {
    auto j = to_json(job, remote);
    if (j.is_null()) {
      problems.pass_over("job " + job.id + ": no attempt of it has a spec that can be read");
    } else {
      jobs.push_back(std::move(j));
    }
  }
  auto heartbeats = Json::array();
  Problems said_above;
  const auto roots = find_roots(dirs, said_above);
  for (const auto& h : newest_heartbeats(roots, problems)) {
    heartbeats.push_back(to_json(h));
  }
  auto said = Json::array();
  for (auto& saying : read_sayings(roots, problems)) {
    said.push_back(std::move(saying));
  }
  if (problems.unread) {
    return *problems.unread;
  }
  return Json{{"jobs", std::move(jobs)},
              {"heartbeats", std::move(heartbeats)},
              {"said", std::move(said)},
              {"problems", problems.notes}};
}

/// Of each path that is there.
Result<Json> op_disk(Reader& r, const Json& /*request*/) {
  auto list = Json::array();
  for (const auto& path : r.bytes_list("paths")) {
    if (const auto use = measure_disk(path)) {
      list.push_back({{"path", from_bytes(path)},
                      {"used_bytes", use->used_bytes},
                      {"files", use->files},
                      {"free_bytes", use->free_bytes},
                      {"complete", use->complete}});
    }
  }
  return r.ok() ? Result<Json>(Json{{"disks", std::move(list)}}) : Result<Json>(r.error());
}

} // namespace

bool is_background(std::string_view name) {
  return name == "secure";
}

Op find_op(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Op>, 9> k_ops{{{"open", op_open},
                                                                  {"scan", op_scan},
                                                                  {"begin", op_begin},
                                                                  {"secure", op_secure},
                                                                  {"resume", op_resume},
                                                                  {"end", op_end},
                                                                  {"heartbeat", op_heartbeat},
                                                                  {"say", op_say},
                                                                  {"disk", op_disk}}};
  for (const auto& [known, op] : k_ops) {
    if (known == name) {
      return op;
    }
  }
  return nullptr;
}

} // namespace gpujob::durable
