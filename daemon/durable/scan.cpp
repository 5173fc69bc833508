// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/scan.h"

#include "common/file.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/durable/hashing.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <glob.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <tuple>

namespace gpujob::durable {

namespace {

bool is_dir(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

/// What cannot be looked at is no file that somebody left there.
bool is_dir(const std::string& path, Problems& problems) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
    problems.pass_over(path, io_error("stat", path, errno));
  }
  return S_ISDIR(st.st_mode);
}

std::vector<std::string> names_in(const std::string& path, Problems& problems) {
  auto names = durable::names_in(path);
  if (!names) {
    problems.pass_over(path, names.error());
    return {};
  }
  return std::move(*names);
}

bool is_ours(const std::string& path) {
  return is_dir(path + "/jobs") || is_dir(path + "/ledger");
}

/// The manifest must be of this very place: one that was copied elsewhere describes other work.
Result<Manifest> read_own_manifest(const std::string& path, const AttemptKey& key,
                                   std::int64_t seq) {
  auto m = read_manifest(path + "/" + name::k_manifest);
  if (!m) {
    return m;
  }
  if (m->job != key.job || m->attempt != key.attempt || m->session != key.session ||
      m->seq != seq) {
    return Error{Errc::bad_data, "its manifest is of another checkpoint"};
  }
  GPUJOB_TRY(check_sizes(*m, FilesAt::stored(path)));
  return m;
}

/// What still lies there is shared by later ones.
bool was_pruned(const std::string& path) {
  struct stat st {};
  return ::lstat((path + "/" + name::k_pruned).c_str(), &st) == 0;
}

std::vector<StoredCheckpoint> read_checkpoints(const std::string& attempt, const AttemptKey& key,
                                               Problems& problems) {
  std::vector<StoredCheckpoint> out;
  const auto dir = attempt + "/" + name::k_checkpoints;
  for (const auto& entry : names_in(dir, problems)) {
    const auto seq = parse_seq(entry);
    const auto path = dir + "/" + entry;
    // <seq>.partial: a copy that was never finished, or still runs.
    if (!seq || !is_dir(path, problems)) {
      continue;
    }
    auto m = read_own_manifest(path, key, *seq);
    if (m) {
      out.push_back(StoredCheckpoint{path, std::move(*m)});
    } else if (m.error().code != Errc::not_found || !was_pruned(path)) {
      problems.pass_over(path, m.error());
    }
  }
  std::sort(out.begin(), out.end(), [](const StoredCheckpoint& a, const StoredCheckpoint& b) {
    return a.manifest.seq < b.manifest.seq;
  });
  return out;
}

StoredAttempt read_attempt(const std::string& path, const AttemptKey& key, Problems& problems) {
  StoredAttempt attempt{key, path, std::nullopt, std::nullopt, {}};
  if (auto begin = read_begin(path)) {
    attempt.begin = std::move(*begin);
  } else {
    problems.pass_over(path, begin.error());
  }
  if (auto end = read_end(path)) {
    attempt.end = std::move(*end);
  } else if (end.error().code != Errc::not_found) {
    problems.pass_over(path, end.error());
  }
  attempt.checkpoints = read_checkpoints(path, key, problems);
  return attempt;
}

void sort_attempts(std::vector<StoredAttempt>& attempts) {
  std::sort(attempts.begin(), attempts.end(), [](const StoredAttempt& a, const StoredAttempt& b) {
    return std::tuple(a.key.attempt, a.at_ns(), a.key.session) <
           std::tuple(b.key.attempt, b.at_ns(), b.key.session);
  });
}

void merge_attempt(StoredAttempt& into, StoredAttempt&& from) {
  if (!into.begin) {
    into.begin = std::move(from.begin);
  }
  if (!into.end) {
    into.end = std::move(from.end);
  }
  auto& list = into.checkpoints;
  for (auto& checkpoint : from.checkpoints) {
    const auto at = std::lower_bound(
        list.begin(), list.end(), checkpoint.manifest.seq,
        [](const StoredCheckpoint& c, std::int64_t seq) { return c.manifest.seq < seq; });
    if (at == list.end() || at->manifest.seq != checkpoint.manifest.seq) {
      list.insert(at, std::move(checkpoint));
    }
  }
}

void merge_job(StoredJob& into, StoredJob&& from) {
  for (auto& attempt : from.attempts) {
    const auto same = std::find_if(into.attempts.begin(), into.attempts.end(), [&](const auto& a) {
      return a.key.attempt == attempt.key.attempt && a.key.session == attempt.key.session;
    });
    if (same == into.attempts.end()) {
      into.attempts.push_back(std::move(attempt));
    } else {
      merge_attempt(*same, std::move(attempt));
    }
  }
}

std::vector<std::string> expand(const std::string& dir, Problems& problems) {
  if (dir.find_first_of("*?[") == std::string::npos) {
    if (!is_dir(dir)) {
      problems.pass_over(fmt::format("durable directory: {}: is not there", dir));
    }
    return {dir};
  }
  glob_t matches{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&matches, &::globfree);
  if (::glob(dir.c_str(), 0, nullptr, &matches) != 0) {
    return {};
  }
  return {matches.gl_pathv, matches.gl_pathv + matches.gl_pathc};
}

} // namespace

void Problems::pass_over(const std::string& what_and_why) {
  notes.push_back(printable(what_and_why));
}

void Problems::pass_over(const std::string& path, const Error& error) {
  pass_over(fmt::format("{}: {}", path, error.text));
  if (error.code == Errc::io && !unread) {
    unread =
        Error{Errc::io,
              fmt::format("durable directory: {}: cannot be read, so which jobs are done or run "
                          "elsewhere is not known: try again; if it stays so, move it out of "
                          "there",
                          notes.back())};
  }
}

std::int64_t StoredAttempt::at_ns() const {
  if (begin) {
    return begin->at_ns;
  }
  if (!checkpoints.empty()) {
    return checkpoints.front().manifest.at_ns;
  }
  return end ? end->at_ns : 0;
}

StoredJob read_job(const std::string& dir, const std::string& job, Problems& problems) {
  StoredJob out{job, {}};
  const auto attempts = job_dir(dir, job) + "/attempts";
  for (const auto& entry : names_in(attempts, problems)) {
    const auto path = attempts + "/" + entry;
    if (const auto key = parse_attempt_name(job, entry); key && is_dir(path, problems)) {
      out.attempts.push_back(read_attempt(path, *key, problems));
    } else {
      problems.pass_over(path + ": is no attempt of ours");
    }
  }
  sort_attempts(out.attempts);
  return out;
}

std::vector<std::string> find_roots(const std::vector<std::string>& dirs, Problems& problems) {
  std::vector<std::string> roots;
  for (const auto& given : dirs) {
    for (const auto& dir : expand(given, problems)) {
      for (const auto& root : {dir, dir + "/gpujob"}) {
        if (is_ours(root) && std::find(roots.begin(), roots.end(), root) == roots.end()) {
          roots.push_back(root);
        }
      }
    }
  }
  return roots;
}

std::vector<StoredJob> scan_jobs(const std::vector<std::string>& dirs, Problems& problems) {
  std::map<std::string, StoredJob> jobs;
  for (const auto& root : find_roots(dirs, problems)) {
    for (const auto& id : names_in(root + "/jobs", problems)) {
      if (!is_id(id)) {
        problems.pass_over(root + "/jobs/" + id + ": is no job of ours");
        continue;
      }
      auto& job = jobs[id];
      job.id = id;
      merge_job(job, read_job(root, id, problems));
    }
  }
  std::vector<StoredJob> out;
  for (auto& [id, job] : jobs) {
    sort_attempts(job.attempts);
    out.push_back(std::move(job));
  }
  return out;
}

} // namespace gpujob::durable
