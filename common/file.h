// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "common/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace gpujob {

/// The whole file; an error when it is larger than `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// All bytes of an open, seekable descriptor from its start; an error above `max_bytes`.
Result<std::string> read_fd(int fd, std::size_t max_bytes);

/// Writes everything, through EINTR and short writes.
Result<void> write_all(int fd, std::string_view bytes);

/// The file holds either its old content or all of `bytes`, never a part: temporary name, write,
/// fsync, rename, fsync of the directory.
Result<void> atomic_replace(const std::string& path, std::string_view bytes, mode_t mode = 0600);

/// As atomic_replace for whoever reads it meanwhile, but without fsync: for what means nothing
/// after a crash of the machine and must not wait for a busy disk.
Result<void> atomic_publish(const std::string& path, std::string_view bytes, mode_t mode = 0600);

/// As atomic_publish, then fsync of both: half of what atomic_replace costs where a journal commits
/// both at once. Only for what shows by itself that it is whole: after a power cut in between, the
/// file may be there and torn.
Result<void> publish_and_sync(const std::string& path, std::string_view bytes, mode_t mode = 0600);

/// mkdir -p; directories made here get `mode`.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);

Result<void> fsync_path(const std::string& path);

/// rm -r; not there is fine.
Result<void> remove_tree(const std::string& path);

/// open(2) with O_CLOEXEC added.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600);

/// Takes flock(LOCK_EX|LOCK_NB) on the file, made when missing. Held until the Fd closes.
/// Errc::refused when somebody else holds it.
Result<Fd> lock_file(const std::string& path);

/// The same, waiting for as long as somebody else holds it.
Result<Fd> lock_file_waiting(const std::string& path);

} // namespace gpujob
