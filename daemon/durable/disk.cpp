// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/disk.h"

#include "common/file.h"

#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace gpujob::durable {

Result<DiskUse> measure_disk(const std::string& path, std::uint64_t most) {
  struct stat root {};
  struct statvfs fs {};
  if (::stat(path.c_str(), &root) != 0 || ::statvfs(path.c_str(), &fs) != 0) {
    return io_error("stat", path, errno);
  }
  DiskUse use;
  use.free_bytes = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
  std::error_code ignored;
  std::filesystem::recursive_directory_iterator it(
      path, std::filesystem::directory_options::skip_permission_denied, ignored);
  for (std::uint64_t seen = 0; it != std::filesystem::recursive_directory_iterator(); ++seen) {
    if (seen == most) {
      use.complete = false;
      break;
    }
    struct stat st {};
    if (::lstat(it->path().c_str(), &st) == 0) {
      if (S_ISREG(st.st_mode)) {
        ++use.files;
        use.used_bytes += static_cast<std::uint64_t>(st.st_size);
      } else if (S_ISDIR(st.st_mode) && st.st_dev != root.st_dev) {
        it.disable_recursion_pending();
      }
    }
    it.increment(ignored);
    if (ignored) { // what it was reading went away, or cannot be read
      use.complete = false;
      break;
    }
  }
  return use;
}

} // namespace gpujob::durable
