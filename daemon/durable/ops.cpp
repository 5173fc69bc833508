// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/ops.h"

#include "common/file.h"
#include "common/job_spec.h"
#include "common/tree.h"
#include "daemon/durable/attempt.h"
#include "daemon/durable/disk.h"
#include "daemon/durable/ledger.h"
#include "daemon/durable/open.h"
#include "daemon/durable/resume.h"
#include "daemon/durable/sayings.h"
#include "daemon/durable/scan.h"
#include "daemon/durable/secure.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::durable {

namespace {

using gpujob::json::from_bytes;
using gpujob::json::Reader;
using nlohmann::json;

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

/// An absolute path without a NUL; "" only when it is null or empty and `required` does not hold.
std::string read_path(Reader& r, const char* key, bool required = true) {
  if (!required && r.find(key) == nullptr) {
    return {};
  }
  auto path = without_trailing_slashes(r.bytes(key));
  if (!required && path.empty()) {
    return path;
  }
  if (r.ok() && (path.empty() || path.front() != '/' || path.find('\0') != std::string::npos)) {
    r.fail(key, "is not an absolute path");
  }
  return path;
}

std::int64_t read_positive(Reader& r, const char* key) {
  return r.integer_in(key, 1, k_max_number);
}

std::string read_id(Reader& r, const char* key) {
  auto id = r.text(key);
  if (r.ok() && !is_id(id)) {
    r.fail(key, "is not an id ([a-z0-9], 1 to 64)");
  }
  return id;
}

AttemptKey read_key(Reader& r) {
  return AttemptKey{read_id(r, "job"), static_cast<int>(read_positive(r, "attempt")),
                    read_id(r, "session")};
}

/// The durable directory that an earlier `open` proved.
Result<std::string> usable_dir(Reader& r) {
  auto dir = read_path(r, "dir");
  if (!r.ok()) {
    return r.error();
  }
  GPUJOB_TRY(check_durable(dir, read_mounts()));
  return dir;
}

Result<json> op_open(Reader& r, const json& /*request*/) {
  const auto dir = read_path(r, "dir");
  const auto require_mount = r.text_or("require_mount", "");
  if (!r.ok()) {
    return r.error();
  }
  const auto opened = open_durable(dir, require_mount, read_mounts());
  if (!opened) {
    return opened.error();
  }
  return json{
      {"level", opened->level}, {"filesystem", opened->filesystem}, {"warnings", opened->warnings}};
}

json to_json(const StoredCheckpoint& c) {
  const auto& m = c.manifest;
  const auto maybe = [](const auto& value) { return value ? json(*value) : json(); };
  return {{"seq", m.seq},
          {"path", from_bytes(c.path)},
          {"source", from_bytes(m.source)},
          {"how", m.how},
          {"step", maybe(m.step)},
          {"at_ns", m.at_ns},
          {"bytes", m.bytes()},
          {"save_s", maybe(m.took.save_s)},
          {"secure_s", maybe(m.took.secure_s())}};
}

json to_json(const StoredAttempt& a) {
  auto checkpoints = json::array();
  for (const auto& c : a.checkpoints) {
    checkpoints.push_back(to_json(c));
  }
  return {{"attempt", a.key.attempt},
          {"session", a.key.session},
          {"at_ns", a.at_ns()},
          {"budgets", to_json(a.begin ? a.begin->budgets : Budgets{})},
          {"end", a.end ? to_json(*a.end) : json()},
          {"checkpoints", std::move(checkpoints)}};
}

/// Null when no attempt of it has a spec that reads: nobody could run it again.
json to_json(const StoredJob& job) {
  auto attempts = json::array();
  json spec;
  for (const auto& a : job.attempts) {
    attempts.push_back(to_json(a));
    if (a.begin) {
      spec = gpujob::to_json(a.begin->spec);
    }
  }
  if (spec.is_null()) {
    return {};
  }
  return {{"id", job.id}, {"spec", std::move(spec)}, {"attempts", std::move(attempts)}};
}

Result<json> op_scan(Reader& r, const json& /*request*/) {
  const auto dirs = r.bytes_list("dirs");
  if (!r.ok()) {
    return r.error();
  }
  // One that is away must not look like one that is empty: leases and jobs would be forgotten.
  if (!dirs.empty()) {
    GPUJOB_TRY(check_durable(dirs.front(), read_mounts()));
  }
  Problems problems;
  auto jobs = json::array();
  for (const auto& job : scan_jobs(dirs, problems)) {
    auto j = to_json(job);
    if (j.is_null()) {
      problems.pass_over("job " + job.id + ": no attempt of it has a spec that can be read");
    } else {
      jobs.push_back(std::move(j));
    }
  }
  auto heartbeats = json::array();
  Problems said_above;
  const auto roots = find_roots(dirs, said_above);
  for (const auto& h : newest_heartbeats(roots, problems)) {
    heartbeats.push_back(to_json(h));
  }
  auto said = json::array();
  for (auto& saying : read_sayings(roots, problems)) {
    said.push_back(std::move(saying));
  }
  if (problems.unread) {
    return *problems.unread;
  }
  return json{{"jobs", std::move(jobs)},
              {"heartbeats", std::move(heartbeats)},
              {"said", std::move(said)},
              {"problems", problems.notes}};
}

Result<json> op_begin(Reader& r, const json& request) {
  const auto key = read_key(r);
  const auto dir = usable_dir(r);
  if (!dir) {
    return dir.error();
  }
  const auto begin = begin_from_json(request);
  if (!begin) {
    return begin.error();
  }
  GPUJOB_TRY(write_begin(*dir, key, *begin));
  return json::object();
}

Result<json> op_end(Reader& r, const json& request) {
  const auto key = read_key(r);
  const auto dir = usable_dir(r);
  if (!dir) {
    return dir.error();
  }
  const auto end = end_from_json(request);
  if (!end) {
    return end.error();
  }
  GPUJOB_TRY(write_end(*dir, key, *end));
  return json::object();
}

Result<json> op_heartbeat(Reader& r, const json& request) {
  const auto dir = usable_dir(r);
  if (!dir) {
    return dir.error();
  }
  const auto h = heartbeat_from_json(request);
  if (!h) {
    return h.error();
  }
  GPUJOB_TRY(write_heartbeat(*dir, *h));
  return json::object();
}

/// Of each path that is there.
Result<json> op_disk(Reader& r, const json& /*request*/) {
  auto list = json::array();
  for (const auto& path : r.bytes_list("paths")) {
    if (const auto use = measure_disk(path)) {
      list.push_back({{"path", from_bytes(path)},
                      {"used_bytes", use->used_bytes},
                      {"files", use->files},
                      {"free_bytes", use->free_bytes},
                      {"complete", use->complete}});
    }
  }
  return r.ok() ? Result<json>(json{{"disks", std::move(list)}}) : Result<json>(r.error());
}

Result<json> op_say(Reader& r, const json& request) {
  const auto dir = usable_dir(r);
  if (!dir) {
    return dir.error();
  }
  const auto said = request.value("said", json::array());
  for (const auto& saying : said) {
    GPUJOB_TRY(write_saying(*dir, saying));
  }
  return json::object();
}

json to_json(const Secured& s, const std::string& level) {
  json durable;
  if (!s.durable_path.empty()) {
    durable = {{"level", level}, {"path", from_bytes(s.durable_path)}};
  }
  return {{"verified", s.verified}, {"why", s.why},       {"files", s.files},
          {"bytes", s.bytes},       {"durable", durable}, {"durable_error", s.durable_error},
          {"pruned", s.pruned},     {"shared", s.shared}, {"verify_s", s.verify_s},
          {"copy_s", s.copy_s}};
}

/// One at a time for each job: the helper of a daemon that was killed goes on, and may meet the one
/// of the next daemon. The lock lies in the job's own directory on this machine, beside `path`.
Result<Fd> take_turn(const std::string& path) {
  if (path.empty()) {
    return Fd{};
  }
  const auto job_dir = parent_path(path);
  GPUJOB_TRY(make_directories(job_dir));
  return lock_file_waiting(job_dir + "/helper.lock");
}

/// Null or absent: nobody allows less than the storage does.
std::optional<Cap> read_cap(Reader& outer) {
  const auto* j = outer.find("cap");
  if (j == nullptr) {
    return std::nullopt;
  }
  Reader r(*j, "cap");
  constexpr auto k_most = std::numeric_limits<std::int64_t>::max();
  const auto bytes = [&](const char* key) {
    return static_cast<std::uint64_t>(r.integer_in(key, 0, k_most));
  };
  const Cap cap{bytes("cap_bytes"), bytes("used_bytes")};
  if (!r.ok()) {
    outer.fail("cap", r.error().text.c_str());
  }
  return cap;
}

Result<json> op_secure(Reader& r, const json& /*request*/) {
  SecureRequest q;
  q.key = read_key(r);
  q.seq = read_positive(r, "seq");
  q.path = read_path(r, "path");
  q.how = r.text("how");
  q.step = r.maybe_integer("step");
  q.at_ns = to_ns(r.wall_time("at_ns"));
  q.dir = read_path(r, "dir", false);
  q.manifest = read_path(r, "manifest", false);
  q.keep = read_positive(r, "keep");
  q.cap = read_cap(r);
  q.save_s = r.maybe_number("save_s");
  if (q.save_s && !(*q.save_s >= 0 && *q.save_s <= k_longest_save_s)) {
    r.fail("save_s", "is no time that a save takes");
  }
  const auto level = r.text_or("level", "");
  if (r.ok() && !q.dir.empty() && level != "stored" && level != "cached") {
    r.fail("level", "is neither stored nor cached");
  }
  if (!r.ok()) {
    return r.error();
  }
  // STATE/jobs/ID/manifests/N.json and STATE/jobs/ID/ckpt have the same parent directory.
  const auto turn = take_turn(q.manifest.empty() ? std::string() : parent_path(q.manifest));
  if (!turn) {
    return turn.error();
  }
  const auto secured = secure(q);
  if (secured.unknown) {
    return Error{Errc::io, secured.why};
  }
  return to_json(secured, level);
}

std::vector<ResumeCandidate> read_candidates(Reader& outer) {
  std::vector<ResumeCandidate> out;
  const auto* list = outer.find("candidates");
  if (list == nullptr || !list->is_array()) {
    outer.fail("candidates", "is not a list");
    return out;
  }
  for (const auto& j : *list) {
    Reader r(j, "candidate");
    out.push_back({read_path(r, "path", false), read_path(r, "manifest", false),
                   read_path(r, "durable_path", false)});
    if (!r.ok()) {
      outer.fail("candidates", r.error().text.c_str());
      return {};
    }
  }
  return out;
}

Result<json> op_resume(Reader& r, const json& /*request*/) {
  const auto ckpt_dir = read_path(r, "ckpt_dir");
  const auto candidates = read_candidates(r);
  if (!r.ok()) {
    return r.error();
  }
  const auto turn = take_turn(ckpt_dir);
  if (!turn) {
    return turn.error();
  }
  const auto resumed = resume(ckpt_dir, candidates);
  auto rejected = json::array();
  for (const auto& [path, why] : resumed.rejected) {
    rejected.push_back({{"path", from_bytes(path)}, {"why", why}});
  }
  return json{{"path", resumed.path ? from_bytes(*resumed.path) : json()},
              {"index", resumed.index ? json(*resumed.index) : json()},
              {"from", resumed.from},
              {"rejected", std::move(rejected)}};
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
