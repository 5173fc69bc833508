// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/prune.h"

#include "common/file.h"
#include "daemon/durable/scan.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// Longer than any session runs: who was writing there is gone, however wrong a clock is.
constexpr std::time_t k_abandoned_s = 48 * 3600;

bool remove_checkpoint(const std::string& path) {
  // The manifest first: at no moment is there a manifest without all of its data.
  if (::unlink((path + "/" + name::k_manifest).c_str()) != 0 || !sync_dir(path)) {
    return false;
  }
  (void)remove_tree(path);
  return true;
}

bool is_abandoned(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && std::time(nullptr) - st.st_mtime > k_abandoned_s;
}

/// Surely none: one that cannot be looked at may be there.
bool has_no_manifest(const std::string& path) {
  struct stat st {};
  return ::lstat((path + "/" + name::k_manifest).c_str(), &st) != 0 && errno == ENOENT;
}

/// "<seq>.partial", or "<seq>" without a manifest.
bool is_leftover(const std::string& path, std::string_view entry) {
  return entry.ends_with(".partial") || (parse_seq(entry) && has_no_manifest(path));
}

std::int64_t seq_of(std::string_view entry) {
  return parse_seq(entry.substr(0, entry.find('.'))).value_or(0);
}

/// In its own attempt the writer knows that nobody else writes.
void remove_leftovers(const StoredAttempt& attempt, const AttemptKey& writer, std::int64_t seq) {
  const bool own = attempt.key.attempt == writer.attempt && attempt.key.session == writer.session;
  const auto dir = attempt.path + "/" + name::k_checkpoints;
  const auto names = names_in(dir);
  for (const auto& entry : names ? *names : std::vector<std::string>{}) {
    const auto path = dir + "/" + entry;
    if (is_leftover(path, entry) && (own ? seq_of(entry) < seq : is_abandoned(path))) {
      (void)remove_tree(path);
    }
  }
}

} // namespace

int prune(const std::string& dir, const AttemptKey& writer, std::int64_t seq, std::int64_t keep) {
  Problems ignored;
  const auto job = read_job(dir, writer.job, ignored);
  std::vector<std::string> paths; // oldest first
  for (const auto& attempt : job.attempts) {
    remove_leftovers(attempt, writer, seq);
    // A later attempt, or one of the same number elsewhere, may be alive: it is not ours to judge.
    const bool own = attempt.key.attempt == writer.attempt && attempt.key.session == writer.session;
    if (!own && attempt.key.attempt >= writer.attempt) {
      continue;
    }
    for (const auto& checkpoint : attempt.checkpoints) {
      paths.push_back(checkpoint.path);
    }
  }
  const auto kept = static_cast<std::size_t>(std::max<std::int64_t>(keep, 1));
  int removed = 0;
  for (std::size_t i = 0; i + kept < paths.size(); ++i) {
    if (!remove_checkpoint(paths[i])) {
      break;
    }
    ++removed;
  }
  return removed;
}

} // namespace gpujob::durable
