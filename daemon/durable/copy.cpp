// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/copy.h"

#include "common/crash_point.h"
#include "common/fd.h"
#include "daemon/durable/place.h"
#include "daemon/durable/sha256.h"
#include "daemon/durable/steady_writer.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// Where one file goes.
struct Target {
  std::string path;
  unsigned mode = 0600;
  bool into_durable = true;
  bool* is_full = nullptr;
};

Error write_error(const Target& to, int saved_errno) {
  if (to.is_full != nullptr && (saved_errno == ENOSPC || saved_errno == EDQUOT)) {
    *to.is_full = true;
  }
  return to.into_durable ? storage_error(to.path, saved_errno)
                         : io_error("write", to.path, saved_errno);
}

/// `sink` sees what is written.
Result<void> copy_one(const std::string& from, const std::optional<Stamp>& expected,
                      const Target& to, const Sink& sink) {
  Fd out{::open(to.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, to.mode)};
  if (!out) {
    return write_error(to, errno);
  }
  crash_point("durable_step");
  SteadyWriter writer(out.get());
  GPUJOB_TRY(read_steady(from, expected, [&](std::string_view bytes) -> Result<void> {
    if (const int failed = writer.write(bytes)) {
      return write_error(to, failed);
    }
    return sink ? sink(bytes) : Result<void>{};
  }));
  if (!to.into_durable) {
    // The umask took bits away.
    (void)::fchmod(out.get(), to.mode);
  }
  if (const int failed = writer.finish()) {
    return write_error(to, failed);
  }
  // Quota and delayed writes on NFS are reported by close.
  return ::close(out.release()) == 0 ? Result<void>{} : write_error(to, errno);
}

Result<void> restore_one(const ManifestFile& file, const std::string& from, const Target& to) {
  Sha256 hash;
  GPUJOB_TRY(copy_one(from, std::nullopt, to, [&](std::string_view bytes) -> Result<void> {
    hash.update(bytes);
    return {};
  }));
  return hash.hex() == file.sha256
             ? Result<void>{}
             : Error{Errc::refused,
                     fmt::format("checkpoint: {}: does not match its manifest", from)};
}

} // namespace

Result<void> copy_files(const Copy& copy) {
  const auto fail = [&](const std::string& path) {
    return write_error({path, 0700, copy.into_durable, copy.is_full}, errno);
  };
  // Sorted, so that a parent comes before what is in it.
  for (const auto& dir : copy.manifest.dirs) {
    const auto path = copy.to + "/" + dir;
    if (::mkdir(path.c_str(), copy.into_durable ? 0700 : 0755) != 0 &&
        (errno != EEXIST || copy.there == nullptr)) {
      return fail(path);
    }
  }
  for (const auto& file : copy.manifest.files) {
    const auto from = copy.from.path_of(file), to = copy.to + "/" + file.path;
    const bool there = copy.there != nullptr && copy.there->contains(file.path);
    if (!copy.into_durable) {
      GPUJOB_TRY(restore_one(file, from, {to, file.mode | 0600U, false, copy.is_full}));
    } else if (file.at.empty() && !there) {
      GPUJOB_TRY(copy_file(from, std::nullopt, to, copy.is_full, copy.sink));
    }
  }
  for (const auto& dir : copy.manifest.dirs) {
    GPUJOB_TRY(sync_dir(copy.to + "/" + dir));
  }
  return sync_dir(copy.to);
}

Result<void> copy_file(const std::string& from, const std::optional<Stamp>& expected,
                       const std::string& to, bool* is_full, const Sink& sink) {
  return copy_one(from, expected, {to, 0600, true, is_full}, sink);
}

} // namespace gpujob::durable
