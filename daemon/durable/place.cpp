// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/place.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "common/text.h"
#include "common/tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

bool is_id(std::string_view text) {
  constexpr std::string_view k_allowed = "abcdefghijklmnopqrstuvwxyz0123456789";
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(k_allowed) == std::string_view::npos;
}

std::optional<std::int64_t> parse_seq(std::string_view name) {
  const auto value = parse_int(name);
  return value && *value > 0 && *value <= k_max_number && name.front() != '0'
             ? std::optional<std::int64_t>(*value)
             : std::nullopt;
}

std::optional<AttemptKey> parse_attempt_name(const std::string& job, std::string_view name) {
  const auto dash = name.find('-');
  const auto attempt = parse_seq(name.substr(0, dash));
  if (!attempt || dash == std::string_view::npos || !is_id(name.substr(dash + 1))) {
    return std::nullopt;
  }
  return AttemptKey{job, static_cast<int>(*attempt), std::string(name.substr(dash + 1))};
}

std::string job_dir(const std::string& dir, const std::string& job) {
  return dir + "/jobs/" + job;
}

std::string attempt_dir(const std::string& dir, const AttemptKey& key) {
  return fmt::format("{}/attempts/{}-{}", job_dir(dir, key.job), key.attempt, key.session);
}

std::string checkpoint_dir(const std::string& dir, const AttemptKey& key, std::int64_t seq) {
  return fmt::format("{}/{}/{}", attempt_dir(dir, key), name::k_checkpoints, seq);
}

std::string job_dir_above(const std::string& checkpoint) {
  return parent_path(parent_path(parent_path(parent_path(checkpoint))));
}

std::string session_dir(const std::string& dir, const std::string& session) {
  return dir + "/ledger/" + session;
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  if (!dir) {
    return errno == ENOENT || errno == ENOTDIR ? Result<std::vector<std::string>>(std::move(names))
                                               : io_error("opendir", path, errno);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  if (errno != 0) {
    return io_error("readdir", path, errno);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Error place_error(const std::string& path, const std::string& why_and_remedy) {
  return Error{Errc::io, fmt::format("durable directory: {}: {}", path, why_and_remedy)};
}

Error storage_error(const std::string& path, int saved_errno) {
  const char* remedy = "see that it is mounted and writable, or give another --durable";
  if (saved_errno == ENOSPC || saved_errno == EDQUOT || saved_errno == EFBIG) {
    remedy = "free some or give another --durable";
  }
  return place_error(path, fmt::format("{}: {}", std::strerror(saved_errno), remedy));
}

Result<void> sync_dir(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    return fd.error();
  }
  crash_point("durable_step");
  // EINVAL and friends: some network file systems have no fsync of directories.
  if (::fsync(fd->get()) != 0 && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
    return storage_error(path, errno);
  }
  return {};
}

Result<void> make_dirs(const std::string& dir, const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return {};
  }
  if (auto made = make_directories(path, 0700); !made) {
    return place_error(dir, made.error().text + ": free some or give another --durable");
  }
  for (auto at = parent_path(path); at.size() >= dir.size(); at = parent_path(at)) {
    GPUJOB_TRY(sync_dir(at));
  }
  return {};
}

Result<void> put_file(const std::string& dir, const std::string& path, std::string_view bytes) {
  GPUJOB_TRY(make_dirs(dir, parent_path(path)));
  if (auto done = atomic_replace(path, bytes, 0600); !done) {
    return place_error(dir, done.error().text + ": free some or give another --durable");
  }
  return {};
}

} // namespace gpujob::durable
