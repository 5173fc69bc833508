// SPDX-License-Identifier: Apache-2.0
#include "common/file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob {

namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> sync_file(const Fd& fd, const std::string& path) {
  return ::fsync(fd.get()) == 0 ? Result<void>{} : io_error("fsync", path, errno);
}

enum class Sync : std::uint8_t { never, before_rename, after_rename };

Result<void> replace(const std::string& path, std::string_view bytes, mode_t mode, Sync sync) {
  const std::string temporary = fmt::format("{}.tmp.{}", path, ::getpid());
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!fd) {
    return fd.error();
  }
  Result<void> done = write_all(fd->get(), bytes);
  if (done && sync == Sync::before_rename) {
    done = sync_file(*fd, temporary);
  }
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0) {
    done = io_error("rename", path, errno);
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync == Sync::after_rename ? sync_file(*fd, path) : done;
}

} // namespace

Error io_error(const std::string& what, const std::string& path, int saved_errno) {
  return Error{Errc::io, fmt::format("{}: {}: {}", what, path, std::strerror(saved_errno))};
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    const int saved = errno;
    auto error = io_error("open", path, saved);
    if (saved == ENOENT) {
      error.code = Errc::not_found;
    }
    return error;
  }
  return Fd{fd};
}

Result<std::string> read_fd(int fd, std::size_t max_bytes) {
  std::string out;
  char chunk[16384];
  off_t at = 0;
  for (;;) {
    const ssize_t n = ::pread(fd, chunk, sizeof chunk, at);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("read", fmt::format("descriptor {}", fd), errno);
    }
    if (n == 0) {
      return out;
    }
    if (out.size() + static_cast<std::size_t>(n) > max_bytes) {
      return Error{Errc::bad_data, fmt::format("read: more than {} bytes", max_bytes)};
    }
    out.append(chunk, static_cast<std::size_t>(n));
    at += n;
  }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) {
    return fd.error();
  }
  auto bytes = read_fd(fd->get(), max_bytes);
  if (!bytes) {
    return Error{bytes.error().code, fmt::format("{}: {}", path, bytes.error().text)};
  }
  return bytes;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("write", fmt::format("descriptor {}", fd), errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> fsync_path(const std::string& path) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) {
    return fd.error();
  }
  // Some network file systems have no fsync of directories: then rename was all there is to do.
  if (::fsync(fd->get()) != 0 && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
    return io_error("fsync", path, errno);
  }
  return {};
}

Result<void> atomic_publish(const std::string& path, std::string_view bytes, mode_t mode) {
  return replace(path, bytes, mode, Sync::never);
}

Result<void> publish_and_sync(const std::string& path, std::string_view bytes, mode_t mode) {
  GPUJOB_TRY(replace(path, bytes, mode, Sync::after_rename));
  return fsync_path(parent_of(path));
}

Result<void> atomic_replace(const std::string& path, std::string_view bytes, mode_t mode) {
  GPUJOB_TRY(replace(path, bytes, mode, Sync::before_rename));
  return fsync_path(parent_of(path));
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (path.empty() || ::mkdir(path.c_str(), mode) == 0) {
    return {};
  }
  const int saved = errno;
  if (saved == EEXIST) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
      return {};
    }
    return io_error("mkdir", path, ENOTDIR);
  }
  const auto parent = parent_of(path);
  if (saved != ENOENT || parent == path) {
    return io_error("mkdir", path, saved);
  }
  GPUJOB_TRY(make_directories(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return io_error("mkdir", path, errno);
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code ec;
  std::filesystem::remove_all(path, ec);
  if (ec) {
    return io_error("remove", path, ec.value());
  }
  return {};
}

namespace {

Result<Fd> lock_with(const std::string& path, int operation) {
  auto fd = open_file(path, O_RDWR | O_CREAT, 0600);
  if (!fd) {
    return fd;
  }
  int rc = 0;
  do {
    rc = ::flock(fd->get(), operation);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0) {
    const int saved = errno;
    auto error = io_error("lock", path, saved);
    if (saved == EWOULDBLOCK) {
      error.code = Errc::refused;
    }
    return error;
  }
  return fd;
}

} // namespace

Result<Fd> lock_file(const std::string& path) {
  return lock_with(path, LOCK_EX | LOCK_NB);
}

Result<Fd> lock_file_waiting(const std::string& path) {
  return lock_with(path, LOCK_EX);
}

} // namespace gpujob
