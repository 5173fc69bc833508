// SPDX-License-Identifier: Apache-2.0
// secure and resume: what reads and writes whole checkpoints.
#include "common/file.h"
#include "common/json.h"
#include "common/tree.h"
#include "daemon/durable/attempt.h"
#include "daemon/durable/op_request.h"
#include "daemon/durable/open.h"
#include "daemon/durable/progress.h"
#include "daemon/durable/resume.h"
#include "daemon/durable/secure.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace gpujob::durable {

using gpujob::json::from_bytes;
using gpujob::json::Reader;
using json::Json;

namespace {

Json to_json(const Secured& s, const std::string& level, const std::optional<Remote>& remote) {
  Json durable;
  if (!s.durable_path.empty()) {
    durable = {{"level", level},
               {"path", from_bytes(remote ? remote->shown(s.durable_path) : s.durable_path)}};
  }
  return {{"verified", s.verified},
          {"why", s.why},
          {"files", s.files},
          {"bytes", s.bytes},
          {"durable", durable},
          {"durable_error", s.durable_error},
          {"pruned", s.pruned},
          {"shared", s.shared},
          {"verify_s", s.verify_s},
          {"copy_s", s.copy_s},
          {"begun", s.begun ? Json(*s.begun) : Json()}};
}

/// One at a time for each job: the helper of a daemon that was killed goes on, and may meet the one
/// of the next daemon. The lock lies in the job's own directory on this machine, beside `path`:
/// StatePaths::helper_lock().
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

/// The whole request that writes the record; null or absent: none is owed.
std::optional<Owed> read_owed(Reader& outer, const AttemptKey& of) {
  const auto* j = outer.find("begin");
  if (j == nullptr) {
    return std::nullopt;
  }
  Reader r(*j, "begin");
  const auto key = read_key(r);
  auto begin = begin_from_json(*j);
  if (!r.ok() || !begin) {
    outer.fail("begin", (r.ok() ? begin.error() : r.error()).text.c_str());
    return std::nullopt;
  }
  if (key.job != of.job || key.session != of.session) {
    outer.fail("begin", "is of another job or session");
  }
  return Owed{key, std::move(*begin)};
}

} // namespace

Result<Json> op_secure(Reader& r, const Json& /*request*/) {
  SecureRequest q;
  q.key = read_key(r);
  q.seq = read_positive(r, "seq");
  q.path = read_path(r, "path");
  q.how = r.text("how");
  q.step = r.maybe_integer("step");
  q.at_ns = to_ns(r.wall_time("at_ns"));
  q.dir = read_path(r, "dir", false);
  const auto remote = read_remote(r, q.dir);
  q.remote = remote ? remote->name() : std::string();
  q.manifest = read_path(r, "manifest", false);
  q.keep = read_positive(r, "keep");
  q.cap = read_cap(r);
  q.owed = read_owed(r, q.key);
  q.save_s = r.maybe_number("save_s");
  if (q.save_s && !(*q.save_s >= 0 && *q.save_s <= k_longest_save_s)) {
    r.fail("save_s", "is no time that a save takes");
  }
  q.storage = r.text_or("storage", "");
  if (q.storage.size() > k_longest_storage) {
    q.storage.clear();
  }
  q.past = r.text_or("past", "");
  if (q.past.size() > k_longest_past) {
    q.past.clear();
  }
  const auto progress_path = read_path(r, "progress", false);
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
  std::optional<Progress> progress;
  if (!progress_path.empty()) {
    q.progress = &progress.emplace(progress_path, q.seq);
  }
  const auto secured = secure(q);
  if (secured.unknown) {
    return Error{Errc::io, secured.why};
  }
  return to_json(secured, level, remote);
}

namespace {

/// What secure and scan named; of a remote, in its spool.
std::string read_stored(Reader& r, const std::optional<Remote>& remote) {
  if (r.find("durable_path") == nullptr || !remote) {
    return read_path(r, "durable_path", false);
  }
  auto path = remote->in_spool(r.bytes("durable_path"));
  if (r.ok() && !path.empty() && !path.starts_with(remote->spool() + "/")) {
    r.fail("durable_path", "does not lie on the remote");
  }
  return path;
}

std::vector<ResumeCandidate> read_candidates(Reader& outer, const std::optional<Remote>& remote) {
  std::vector<ResumeCandidate> out;
  const auto* list = outer.find("candidates");
  if (list == nullptr || !list->is_array()) {
    outer.fail("candidates", "is not a list");
    return out;
  }
  for (const auto& j : *list) {
    Reader r(j, "candidate");
    out.push_back(
        {read_path(r, "path", false), read_path(r, "manifest", false), read_stored(r, remote)});
    if (!r.ok()) {
      outer.fail("candidates", r.error().text.c_str());
      return {};
    }
  }
  return out;
}

} // namespace

Result<Json> op_resume(Reader& r, const Json& /*request*/) {
  const auto ckpt_dir = read_path(r, "ckpt_dir");
  const auto dir = read_path(r, "dir", false);
  const auto remote = read_remote(r, dir);
  const auto candidates = read_candidates(r, remote);
  if (!r.ok()) {
    return r.error();
  }
  const auto turn = take_turn(ckpt_dir);
  if (!turn) {
    return turn.error();
  }
  const auto is_there = [&]() -> Result<void> {
    if (remote) {
      return remote->check();
    }
    return dir.empty() ? Result<void>{} : check_durable(dir, read_mounts());
  };
  const auto resumed = resume(ckpt_dir, candidates, remote ? &*remote : nullptr, is_there);
  if (!resumed) {
    return resumed.error();
  }
  auto rejected = Json::array();
  for (const auto& [path, why] : resumed->rejected) {
    rejected.push_back({{"path", from_bytes(remote ? remote->shown(path) : path)}, {"why", why}});
  }
  return Json{{"path", resumed->path ? from_bytes(*resumed->path) : Json()},
              {"index", resumed->index ? Json(*resumed->index) : Json()},
              {"from", resumed->from},
              {"rejected", std::move(rejected)}};
}

} // namespace gpujob::durable
