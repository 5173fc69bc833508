// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/copy.h"

#include "common/crash_point.h"
#include "common/file.h"
#include "daemon/durable/place.h"
#include "daemon/durable/sha256.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::durable {

namespace {

/// Large enough that FUSE and NFS see few requests, small enough for the cache.
constexpr std::size_t k_chunk = 1U << 20U;

/// What tells two states of one file apart.
struct Stamp {
  std::uint64_t size = 0, inode = 0;
  std::int64_t mtime_ns = 0;

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

std::optional<Stamp> stamp_of(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) {
    return std::nullopt;
  }
  return Stamp{static_cast<std::uint64_t>(st.st_size), st.st_ino,
               st.st_mtim.tv_sec * std::int64_t{1000000000} + st.st_mtim.tv_nsec};
}

Error changed(const std::string& path) {
  return Error{Errc::refused, fmt::format("checkpoint: {}: changed while it was copied", path)};
}

using Sink = std::function<Result<void>(std::string_view)>;

/// All bytes from one descriptor to `sink`, which may refuse; `path` is for the error.
Result<void> pump(int fd, const std::string& path, const Sink& sink) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(k_chunk);
  for (;;) {
    const auto n = ::read(fd, buffer.get(), k_chunk);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("read", path, errno);
    }
    if (n == 0) {
      return {};
    }
    GPUJOB_TRY(sink(std::string_view(buffer.get(), static_cast<std::size_t>(n))));
  }
}

/// Hashes what `path` holds, through `also` as well; nothing about the file may change meanwhile.
Result<std::string> hash_steady(const std::string& path, const std::optional<Stamp>& expected,
                                const Sink& also) {
  auto fd = open_regular(path);
  if (!fd) {
    return fd.error().code == Errc::not_found ? changed(path) : fd.error();
  }
  const auto before = stamp_of(fd->get());
  if (!before || (expected && *before != *expected)) {
    return changed(path);
  }
  Sha256 hash;
  GPUJOB_TRY(pump(fd->get(), path, [&](std::string_view bytes) -> Result<void> {
    hash.update(bytes);
    return also ? also(bytes) : Result<void>{};
  }));
  if (stamp_of(fd->get()) != before) {
    return changed(path);
  }
  return hash.hex();
}

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

Result<void> write_bytes(const Target& to, int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return write_error(to, n < 0 ? errno : ENOSPC);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> copy_one(const ManifestFile& file, const std::string& from, const Target& to) {
  Fd out{::open(to.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, to.mode)};
  if (!out) {
    return write_error(to, errno);
  }
  crash_point("durable_step");
  const auto hash = hash_steady(from, std::nullopt, [&](std::string_view bytes) {
    return write_bytes(to, out.get(), bytes);
  });
  if (!hash) {
    return hash.error();
  }
  if (*hash != file.sha256) {
    return to.into_durable
               ? changed(from)
               : Error{Errc::refused,
                       fmt::format("checkpoint: {}: does not match its manifest", from)};
  }
  if (!to.into_durable) {
    // The umask took bits away.
    (void)::fchmod(out.get(), to.mode);
  }
  if (::fsync(out.get()) != 0) {
    return write_error(to, errno);
  }
  // So that reading back asks the storage and not the page cache; only advice.
  (void)::posix_fadvise(out.get(), 0, 0, POSIX_FADV_DONTNEED);
  // Quota and delayed writes on NFS are reported by close.
  return ::close(out.release()) == 0 ? Result<void>{} : write_error(to, errno);
}

Result<void> check_size(const ManifestFile& file, const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    return errno == ENOENT || errno == ENOTDIR
               ? Error{Errc::refused, fmt::format("checkpoint: {}: is not there", path)}
               : io_error("checkpoint", path, errno);
  }
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != file.size) {
    return Error{Errc::refused, fmt::format("checkpoint: {}: has {} bytes, its manifest says {}",
                                            path, st.st_size, file.size)};
  }
  return {};
}

} // namespace

Result<std::vector<ManifestFile>> hash_tree(const Tree& tree) {
  std::vector<ManifestFile> files;
  for (const auto& f : tree.files) {
    auto hash = hash_steady(tree.parent + "/" + f.relative, Stamp{f.size, f.inode, f.mtime_ns}, {});
    if (!hash) {
      return hash.error();
    }
    files.push_back(ManifestFile{f.relative, f.size, std::move(*hash), f.mode});
  }
  return files;
}

Result<void> copy_files(const Copy& copy) {
  const auto fail = [&](const std::string& path) {
    return write_error({path, 0700, copy.into_durable, copy.is_full}, errno);
  };
  // Sorted, so that a parent comes before what is in it.
  for (const auto& dir : copy.manifest.dirs) {
    const auto path = copy.to + "/" + dir;
    if (::mkdir(path.c_str(), copy.into_durable ? 0700 : 0755) != 0) {
      return fail(path);
    }
  }
  for (const auto& file : copy.manifest.files) {
    if (!copy.into_durable || file.at.empty()) {
      GPUJOB_TRY(copy_one(file, copy.from.path_of(file),
                          {copy.to + "/" + file.path, copy.into_durable ? 0600U : file.mode | 0600U,
                           copy.into_durable, copy.is_full}));
    }
  }
  for (const auto& dir : copy.manifest.dirs) {
    GPUJOB_TRY(sync_dir(copy.to + "/" + dir));
  }
  return sync_dir(copy.to);
}

Result<void> copy_file(const ManifestFile& file, const std::string& from, const std::string& to) {
  return copy_one(file, from, {to});
}

Result<void> check_sizes(const Manifest& manifest, const FilesAt& files) {
  for (const auto& file : manifest.files) {
    GPUJOB_TRY(check_size(file, files.path_of(file)));
  }
  return {};
}

Result<void> verify_file(const ManifestFile& file, const std::string& path) {
  GPUJOB_TRY(check_size(file, path));
  const auto hash = hash_steady(path, std::nullopt, {});
  if (!hash) {
    return hash.error();
  }
  if (*hash != file.sha256) {
    return Error{Errc::refused,
                 fmt::format("checkpoint: {}: its bytes are not those of its manifest", path)};
  }
  return {};
}

Result<void> verify_files(const Manifest& manifest, const FilesAt& files) {
  GPUJOB_TRY(check_sizes(manifest, files)); // what is short shows without reading the rest
  for (const auto& file : manifest.files) {
    GPUJOB_TRY(verify_file(file, files.path_of(file)));
  }
  return {};
}

Result<void> verify_own_files(const Manifest& manifest, const FilesAt& files) {
  for (const auto& file : manifest.files) {
    if (file.at.empty()) {
      GPUJOB_TRY(verify_file(file, files.path_of(file)));
    }
  }
  return {};
}

} // namespace gpujob::durable
