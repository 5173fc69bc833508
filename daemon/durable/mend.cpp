// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/mend.h"

#include "common/crash_point.h"
#include "common/tree.h"
#include "daemon/durable/copy.h"
#include "daemon/durable/place.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

Error lost(const std::string& path, const Error& why) {
  return place_error(path, fmt::format("read back: {}: the storage lost bytes: give another "
                                       "--durable",
                                       why.text));
}

Result<void> replace_file(const ManifestFile& file, const std::string& from,
                          const std::string& temporary, const std::string& to) {
  auto done = copy_file(from, std::nullopt, temporary);
  if (auto same = done ? verify_file(file, temporary) : done; !same) {
    done = verify_file(file, from) ? lost(temporary, same.error()) : changed(from);
  }
  crash_point("durable_step");
  if (done && ::rename(temporary.c_str(), to.c_str()) != 0) {
    done = storage_error(to, errno);
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_dir(parent_path(to));
}

} // namespace

Result<void> mend(const std::string& checkpoint, const Manifest& m, const FilesAt& source) {
  const auto files = FilesAt::stored(checkpoint);
  const auto temporary = checkpoint + "/mended.partial";
  for (const auto& dir : m.dirs) {
    GPUJOB_TRY(make_dirs(checkpoint, checkpoint + "/" + name::k_data + "/" + dir));
  }
  for (const auto& file : m.files) {
    const auto path = files.path_of(file);
    if (verify_file(file, path)) {
      continue;
    }
    ::unlink(temporary.c_str());
    GPUJOB_TRY(make_dirs(job_dir_above(checkpoint), parent_path(path)));
    ManifestFile own = file;
    own.at.clear();
    GPUJOB_TRY(replace_file(file, source.path_of(own), temporary, path));
  }
  return {};
}

} // namespace gpujob::durable
