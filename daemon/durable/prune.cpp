// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/prune.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "daemon/durable/files_at.h"
#include "daemon/durable/sharing.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// Longer than any session runs: who was writing there is gone, however wrong a clock is.
constexpr std::time_t k_abandoned_s = 48 * 3600;

/// Paths below the job's directory.
using Referred = std::set<std::string>;

/// What the manifests of the job refer to. An error: one of them cannot be read, or makes no sense
/// to this program, so that nothing may be taken for unused.
Result<Referred> referred_in(const std::string& job_dir) {
  Referred out;
  const auto attempts = names_in(job_dir + "/attempts");
  if (!attempts) {
    return attempts.error();
  }
  for (const auto& attempt : *attempts) {
    const auto dir = job_dir + "/attempts/" + attempt + "/" + name::k_checkpoints;
    const auto seqs = names_in(dir);
    if (!seqs) {
      return seqs.error();
    }
    for (const auto& seq : *seqs) {
      const auto m = read_manifest(dir + "/" + seq + "/" + name::k_manifest);
      if (!m && m.error().code != Errc::not_found) {
        return m.error();
      }
      for (const auto& file : m ? m->files : std::vector<ManifestFile>{}) {
        if (!file.at.empty()) {
          out.insert(file.at);
        }
      }
    }
  }
  return out;
}

/// From here on it does not count. Its manifest is kept under another name: what lies there is no
/// copy that somebody is still making.
bool withdraw(const std::string& path) {
  const auto manifest = path + "/" + name::k_manifest;
  crash_point("durable_step");
  // On a full disk even a new name may have no place.
  return (::rename(manifest.c_str(), (path + "/" + name::k_pruned).c_str()) == 0 ||
          ::unlink(manifest.c_str()) == 0) &&
         sync_dir(path);
}

/// Removes files below `path` that are not referred to, and with the last of them the directory.
/// Returns their bytes.
std::uint64_t remove_unreferred(const std::string& path, const std::string& job_dir,
                                const Referred& referred) {
  namespace fs = std::filesystem;
  std::vector<std::string> unused;
  std::error_code ec;
  bool stays = false;
  for (fs::recursive_directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      continue;
    }
    auto file = it->path().string();
    if (referred.contains(file.substr(job_dir.size() + 1))) {
      stays = true;
    } else if (file != path + "/" + name::k_pruned) { // last: it says what this is
      unused.push_back(std::move(file));
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& file : unused) {
    struct stat st {};
    crash_point("durable_step");
    if (::lstat(file.c_str(), &st) == 0 && ::unlink(file.c_str()) == 0 && S_ISREG(st.st_mode)) {
      bytes += static_cast<std::uint64_t>(st.st_size);
    }
  }
  if (!stays && !ec) {
    crash_point("durable_step");
    (void)remove_tree(path);
  }
  return bytes;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

bool is_abandoned(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && std::time(nullptr) - st.st_mtime > k_abandoned_s;
}

/// Surely none: one that cannot be looked at may be there.
bool has_no_manifest(const std::string& path) {
  return !exists(path + "/" + name::k_manifest) && errno == ENOENT;
}

/// "<seq>.partial", or "<seq>" without a manifest.
bool is_leftover(const std::string& path, std::string_view entry) {
  return entry.ends_with(".partial") || (parse_seq(entry) && has_no_manifest(path));
}

std::int64_t seq_of(std::string_view entry) {
  return parse_seq(entry.substr(0, entry.find('.'))).value_or(0);
}

/// In its own attempt the writer knows that nobody else writes, and nobody writes where a
/// checkpoint was pruned.
bool may_remove(const std::string& path, const std::string& entry, const AttemptKey& attempt,
                const AttemptKey& writer, std::int64_t seq) {
  const bool own = attempt.attempt == writer.attempt && attempt.session == writer.session;
  if (own ? seq_of(entry) < seq : is_abandoned(path)) {
    return true;
  }
  return !own && is_within_reach(attempt, writer) && exists(path + "/" + name::k_pruned);
}

/// Returns the bytes that it removed.
std::uint64_t sweep(const std::string& job_dir, const StoredJob& job, const AttemptKey& writer,
                    std::int64_t seq) {
  const auto referred = referred_in(job_dir);
  if (!referred) {
    return 0;
  }
  std::uint64_t bytes = 0;
  for (const auto& attempt : job.attempts) {
    const auto dir = attempt.path + "/" + name::k_checkpoints;
    const auto names = names_in(dir);
    for (const auto& entry : names ? *names : std::vector<std::string>{}) {
      const auto path = dir + "/" + entry;
      if (is_leftover(path, entry) && may_remove(path, entry, attempt.key, writer, seq)) {
        bytes += remove_unreferred(path, job_dir, *referred);
      }
    }
  }
  return bytes;
}

} // namespace

std::vector<const StoredCheckpoint*> beyond(const StoredJob& job, const AttemptKey& writer,
                                            std::int64_t keep) {
  std::vector<const StoredCheckpoint*> out; // oldest first
  for (const auto& attempt : job.attempts) {
    for (const auto& checkpoint : attempt.checkpoints) {
      if (is_within_reach(attempt.key, writer)) {
        out.push_back(&checkpoint);
      }
    }
  }
  const auto kept = static_cast<std::size_t>(std::max<std::int64_t>(keep, 1));
  out.resize(out.size() - std::min(out.size(), kept));
  return out;
}

std::uint64_t bytes_only_in(const std::vector<const StoredCheckpoint*>& doomed,
                            const StoredJob& job) {
  std::set<std::string> kept, counted;
  for (const auto& attempt : job.attempts) {
    for (const auto& checkpoint : attempt.checkpoints) {
      if (std::find(doomed.begin(), doomed.end(), &checkpoint) == doomed.end()) {
        for (const auto& file : checkpoint.manifest.files) {
          kept.insert(FilesAt::stored(checkpoint.path).path_of(file));
        }
      }
    }
  }
  std::uint64_t bytes = 0;
  for (const auto* checkpoint : doomed) {
    for (const auto& file : checkpoint->manifest.files) {
      const auto path = FilesAt::stored(checkpoint->path).path_of(file);
      bytes += !kept.contains(path) && counted.insert(path).second ? file.size : 0;
    }
  }
  return bytes;
}

Pruned prune(const std::string& dir, const AttemptKey& writer, std::int64_t seq,
             std::int64_t keep) {
  Problems ignored;
  const auto job = read_job(dir, writer.job, ignored);
  Pruned out;
  if (!referred_in(job_dir(dir, writer.job))) {
    return out; // what no longer counts could not be removed either
  }
  for (const auto* checkpoint : beyond(job, writer, keep)) {
    if (!withdraw(checkpoint->path)) {
      break;
    }
    ++out.checkpoints;
  }
  // What is referred to is read only now: whoever begins to share a file looks for the manifest
  // that keeps it after his own is there, so that one of the two sees the other.
  out.bytes = sweep(job_dir(dir, writer.job), job, writer, seq);
  return out;
}

Result<bool> is_referred_to(const std::string& checkpoint) {
  const auto job = job_dir_above(checkpoint);
  const auto referred = referred_in(job);
  if (!referred) {
    return referred.error();
  }
  const auto prefix = checkpoint.substr(job.size() + 1) + "/";
  const auto first = referred->lower_bound(prefix);
  return first != referred->end() && first->starts_with(prefix);
}

} // namespace gpujob::durable
