// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <sys/mount.h>

namespace gpujob::test {

/// A small file system in memory, while the object lives. Mounting takes CAP_SYS_ADMIN.
class SmallDisk {
public:
  explicit SmallDisk(std::string path, const std::string& options = "size=1m")
      : m_path(std::move(path)) {
    std::filesystem::create_directories(m_path);
    m_mounted = ::mount("none", m_path.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (m_mounted) {
      ::umount2(m_path.c_str(), MNT_DETACH);
    }
  }
  [[nodiscard]] bool mounted() const { return m_mounted; }

private:
  std::string m_path;
  bool m_mounted = false;
};

} // namespace gpujob::test
