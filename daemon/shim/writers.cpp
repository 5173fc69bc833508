// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/writers.h"

#include "common/file.h"
#include "common/layout.h"
#include "common/proc.h"
#include "daemon/shim/tree.h"

#include <climits>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gpujob::shim {

namespace {

using Identity = std::pair<dev_t, ino_t>;
using Files = std::map<Identity, std::string>;

Files files_of(const std::vector<Tree>& trees) {
  Files files;
  for (const auto& tree : trees) {
    for (const auto& file : tree.files) {
      auto path = tree.parent + "/" + file.relative;
      struct stat st {};
      const bool beside = tree.is_dir && layout::classify({path, false}) == layout::Kind::side_file;
      if (!beside && ::stat(path.c_str(), &st) == 0) {
        files.emplace(Identity{st.st_dev, st.st_ino}, std::move(path));
      }
    }
  }
  return files;
}

/// "flags:\t0100001": octal, as open(2) was given them.
bool is_writable(int pid, const char* fd) {
  constexpr std::string_view k_flags = "flags:";
  auto info = open_file(fmt::format("/proc/{}/fdinfo/{}", pid, fd), O_RDONLY);
  std::string text(info ? 512 : 0, '\0');
  const ssize_t n = info ? ::read(info->get(), text.data(), text.size()) : 0;
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  const auto at = text.find(k_flags);
  if (at == std::string::npos) {
    return false;
  }
  const auto flags = std::strtoul(text.c_str() + at + k_flags.size(), nullptr, 8);
  return (flags & O_ACCMODE) != O_RDONLY;
}

/// What may not be read (another user's) is passed over.
std::string opened_by(int pid, const Files& files) {
  const auto place = fmt::format("/proc/{}/fd", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(place.c_str()), &::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    struct stat st {};
    if (entry->d_name[0] == '.' || ::fstatat(::dirfd(dir.get()), entry->d_name, &st, 0) != 0) {
      continue;
    }
    const auto found = files.find(Identity{st.st_dev, st.st_ino});
    if (found != files.end() && is_writable(pid, entry->d_name)) {
      return found->second;
    }
  }
  return {};
}

bool is_supervisor(const proc::Stat& process) {
  char target[PATH_MAX];
  const auto path = fmt::format("/proc/{}/exe", process.pid);
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  return is_supervision(n > 0 ? std::string_view(target, static_cast<std::size_t>(n))
                              : std::string_view(process.comm));
}

} // namespace

std::string open_for_writing(int shim, const std::vector<Tree>& trees) {
  const auto files = files_of(trees);
  const auto near = proc::read_below(shim);
  for (const auto& process : below(shim, 0, near ? *near : proc::read_all(), is_supervisor)) {
    if (auto path = opened_by(process.pid, files); !path.empty()) {
      return path;
    }
  }
  return {};
}

} // namespace gpujob::shim
