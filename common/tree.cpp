// SPDX-License-Identifier: Apache-2.0
#include "common/tree.h"

#include "common/file.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <sys/stat.h>

namespace gpujob {

namespace {

/// Deeper than any framework nests; a bound for recursion.
constexpr int k_max_depth = 32;

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') {
    path.remove_suffix(1);
  }
  return path;
}

TreeFile to_file(std::string relative, const struct stat& st) {
  return TreeFile{std::move(relative), static_cast<std::uint64_t>(st.st_size),
                  st.st_mtim.tv_sec * std::int64_t{1000000000} + st.st_mtim.tv_nsec, st.st_ino,
                  st.st_mode & 0777U};
}

std::optional<std::vector<std::string>> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  if (!dir) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Walk {
public:
  Walk(Tree& tree, std::size_t max_files) : m_tree(tree), m_max(max_files) {}

  /// Errno of an unreadable directory; what has vanished is no error.
  int directory(const std::string& relative, int depth) {
    if (full() || depth > k_max_depth) {
      m_tree.truncated = true;
      return 0;
    }
    const auto names = names_in(m_tree.parent + "/" + relative);
    if (!names) {
      return errno == ENOENT ? 0 : errno;
    }
    m_tree.dirs.push_back(relative);
    for (const auto& name : *names) {
      if (const int failed = entry(relative + "/" + name, depth); failed != 0) {
        return failed;
      }
    }
    return 0;
  }

private:
  [[nodiscard]] bool full() const {
    return m_tree.files.size() + m_tree.dirs.size() + m_tree.others.size() >= m_max;
  }

  int entry(const std::string& relative, int depth) {
    if (full()) {
      m_tree.truncated = true;
      return 0;
    }
    const auto path = m_tree.parent + "/" + relative;
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) {
      return errno == ENOENT ? 0 : errno;
    }
    if (S_ISDIR(st.st_mode)) {
      return directory(relative, depth + 1);
    }
    if (S_ISLNK(st.st_mode) && ::stat(path.c_str(), &st) != 0) {
      m_tree.others.push_back(relative);
    } else if (S_ISREG(st.st_mode)) {
      m_tree.files.push_back(to_file(relative, st));
    } else {
      m_tree.others.push_back(relative);
    }
    return 0;
  }

  Tree& m_tree;
  std::size_t m_max;
};

} // namespace

std::string base_name(std::string_view path) {
  path = without_trailing_slashes(path);
  return std::string(path.substr(path.find_last_of('/') + 1));
}

std::string parent_path(std::string_view path) {
  path = without_trailing_slashes(path);
  const auto slash = path.find_last_of('/');
  if (slash == std::string_view::npos) {
    return ".";
  }
  return std::string(slash == 0 ? "/" : without_trailing_slashes(path.substr(0, slash)));
}

std::uint64_t Tree::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) {
    sum += file.size;
  }
  return sum;
}

std::int64_t Tree::newest_mtime_ns() const {
  std::int64_t newest = 0;
  for (const auto& file : files) {
    newest = std::max(newest, file.mtime_ns);
  }
  return newest;
}

Result<Tree> list_tree(const std::string& path, std::size_t max_files) {
  Tree tree{parent_path(path), base_name(path), false, {}, {}, {}, false};
  if (tree.name.empty() || tree.name == "." || tree.name == "..") {
    return Error{Errc::usage,
                 fmt::format("checkpoint: {}: has no name of its own: name the file or "
                             "directory itself",
                             path)};
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    const int saved = errno;
    auto error = io_error("checkpoint", path, saved);
    // A path like that cannot be one: not a matter of the moment.
    const bool never =
        saved == ENOENT || saved == ENOTDIR || saved == ENAMETOOLONG || saved == ELOOP;
    error.code = never ? Errc::not_found : Errc::io;
    return error;
  }
  if (S_ISREG(st.st_mode)) {
    tree.files.push_back(to_file(tree.name, st));
    return tree;
  }
  if (!S_ISDIR(st.st_mode)) {
    tree.others.push_back(tree.name);
    return tree;
  }
  tree.is_dir = true;
  if (const int failed = Walk(tree, max_files).directory(tree.name, 0); failed != 0) {
    return io_error("checkpoint: list", path, failed);
  }
  const auto by_path = [](const TreeFile& a, const TreeFile& b) { return a.relative < b.relative; };
  std::sort(tree.files.begin(), tree.files.end(), by_path);
  std::sort(tree.dirs.begin(), tree.dirs.end());
  return tree;
}

Result<Fd> open_regular(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode)) {
    return Error{Errc::refused, fmt::format("open: {}: not a regular file", path)};
  }
  // O_NONBLOCK: it may have become a pipe since.
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd && (::fstat(fd->get(), &st) != 0 || !S_ISREG(st.st_mode))) {
    return Error{Errc::refused, fmt::format("open: {}: not a regular file", path)};
  }
  return fd;
}

} // namespace gpujob
