// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/fd.h"
#include "tests/fuzz/fuzz.h"

#include <filesystem>
#include <sys/stat.h>

/// Files for what reads files. packaging/fuzz.sh gives a TMPDIR in memory and removes it.
namespace gpujob::fuzz {

/// The descriptor's file holds `bytes` and nothing else.
inline void overwrite(int fd, std::string_view bytes) {
  expect(::ftruncate(fd, 0) == 0, "ftruncate works");
  expect(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
         "pwrite works");
}

/// A directory of this process.
class Sandbox {
public:
  Sandbox() {
    auto pattern = (std::filesystem::temp_directory_path() / "gj-XXXXXX").string();
    expect(::mkdtemp(pattern.data()) != nullptr, "mkdtemp works");
    m_path = pattern;
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
  }

  [[nodiscard]] const std::string& path() const { return m_path; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return m_path + "/" + name; }

  /// Makes the directories above it as well.
  void put(const std::string& name, std::string_view bytes) const {
    const auto path = *this / name;
    constexpr int k_flags = O_RDWR | O_CREAT | O_CLOEXEC;
    Fd fd{::open(path.c_str(), k_flags, 0600)};
    if (!fd) {
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      fd.reset(::open(path.c_str(), k_flags, 0600));
    }
    overwrite(fd.get(), bytes);
  }

  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(m_path)) {
      std::filesystem::remove_all(entry.path());
    }
  }

private:
  std::string m_path;
};

} // namespace gpujob::fuzz
