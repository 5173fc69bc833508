// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/durable/attempt.h"
#include "daemon/durable/manifest.h"
#include "daemon/durable/place.h"

#include <optional>
#include <string>
#include <vector>

/// What durable directories hold. Whatever cannot be read or does not fit is a problem in words and
/// otherwise left out: garbage of one session must not hide the work of another.
namespace gpujob::durable {

struct StoredCheckpoint {
  std::string path; ///< .../checkpoints/<seq>
  Manifest manifest;
};

struct StoredAttempt {
  AttemptKey key;
  std::string path;
  std::optional<Begin> begin;
  std::optional<End> end;
  std::vector<StoredCheckpoint> checkpoints; ///< by seq; manifest valid, files of the right sizes

  /// When it began, or what is known nearest to that; 0 where only its number is there. An end may
  /// have been written by another session than the one that began it: it comes after that one.
  [[nodiscard]] std::int64_t at_ns() const;
};

struct StoredJob {
  std::string id;
  std::vector<StoredAttempt> attempts; ///< by number, begin, session
};

/// What a look at the directory met.
struct Problems {
  std::vector<std::string> notes; ///< what was passed over, and why
  /// The first thing that could not be read, though it is there: what was found is not all there
  /// is, and no job may be taken for ended, free or new because of it.
  std::optional<Error> unread;

  void pass_over(const std::string& what_and_why);
  void pass_over(const std::string& path, const Error& error);
};

/// One job of one durable directory.
StoredJob read_job(const std::string& dir, const std::string& job, Problems& problems);

/// All jobs of all directories: attempts of one job are merged by number and session, and of what
/// is there twice the first directory's wins. A directory may be a glob, and may hold ours as
/// `gpujob`.
std::vector<StoredJob> scan_jobs(const std::vector<std::string>& dirs, Problems& problems);

/// Where the ledger and jobs of these directories really are, existing ones only.
std::vector<std::string> find_roots(const std::vector<std::string>& dirs, Problems& problems);

} // namespace gpujob::durable
