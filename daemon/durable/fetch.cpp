// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/fetch.h"

#include "common/file.h"
#include "daemon/durable/hashing.h"

#include <cerrno>
#include <filesystem>
#include <map>
#include <sys/stat.h>

namespace gpujob::durable {

Result<void> fetch_files(const Remote& remote, const std::string& checkpoint, const Manifest& m,
                         const std::string& to) {
  const auto job = job_dir_above(checkpoint);
  const auto staging = to + ".fetched";
  std::map<std::string, int> uses;
  for (const auto& file : m.files) {
    ++uses[FilesAt::stored(checkpoint).path_of(file).substr(job.size() + 1)];
  }
  RemoteFiles paths;
  for (const auto& [path, count] : uses) {
    paths.push_back(path);
  }
  GPUJOB_TRY(remove_tree(staging));
  GPUJOB_TRY(make_directories(staging, 0700));
  auto done = remote.download(job, paths, staging);
  for (const auto& dir : m.dirs) {
    done = done ? make_directories(to + "/" + dir, 0755) : done;
  }
  for (const auto& file : m.files) {
    const auto path = FilesAt::stored(checkpoint).path_of(file).substr(job.size() + 1);
    const auto from = staging + "/" + path, target = to + "/" + file.path;
    done = done ? verify_file(file, from) : done;
    std::error_code ec;
    if (done && --uses[path] > 0) {
      std::filesystem::copy_file(from, target, ec);
    } else if (done) {
      std::filesystem::rename(from, target, ec);
    }
    if (done && (ec || ::chmod(target.c_str(), file.mode | 0600U) != 0)) {
      done = io_error("write", target, ec ? ec.value() : errno);
    }
    done = done ? fsync_path(target) : done;
  }
  (void)remove_tree(staging);
  return done;
}

} // namespace gpujob::durable
