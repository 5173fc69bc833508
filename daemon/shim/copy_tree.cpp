// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/copy_tree.h"

#include "common/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace gpujob::shim {

namespace {

constexpr std::size_t k_max_files = 1000000;
constexpr std::size_t k_chunk = 1U << 20U;

Error changed(const std::string& path) {
  return Error{Errc::refused, fmt::format("copy: {}: changed while it was copied", path)};
}

Result<void> copy_file(const std::string& from, const std::string& to, const TreeFile& file) {
  auto in = open_regular(from);
  if (!in) {
    return in.error().code == Errc::not_found ? changed(from) : in.error();
  }
  const Fd out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode | 0600U)};
  if (!out) {
    return io_error("open", to, errno);
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(k_chunk);
  std::uint64_t copied = 0;
  for (;;) {
    const ssize_t n = ::read(in->get(), buffer.get(), k_chunk);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_error("read", from, errno);
    }
    if (n == 0) {
      break;
    }
    GPUJOB_TRY(write_all(out.get(), {buffer.get(), static_cast<std::size_t>(n)}));
    copied += static_cast<std::uint64_t>(n);
  }
  if (copied != file.size) {
    return changed(from);
  }
  // The times tell later whether it is still the same; who cannot set them copies once more.
  const timespec at{file.mtime_ns / 1000000000, file.mtime_ns % 1000000000};
  const timespec times[] = {at, at};
  ::futimens(out.get(), times);
  return ::fsync(out.get()) == 0 ? Result<void>{} : io_error("fsync", to, errno);
}

/// Bytes at an offset; fewer at the end, or where it cannot be read.
std::size_t read_block(int fd, char* to, std::uint64_t offset) {
  std::size_t got = 0;
  while (got < k_chunk) {
    const ssize_t n = ::pread(fd, to + got, k_chunk - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      break;
    }
    got += static_cast<std::size_t>(n);
  }
  return got;
}

bool same_bytes(const std::string& a, const std::string& b, std::uint64_t size) {
  const auto in_a = open_regular(a);
  const auto in_b = open_regular(b);
  if (!in_a || !in_b) {
    return false;
  }
  const auto of_a = std::make_unique_for_overwrite<char[]>(k_chunk);
  const auto of_b = std::make_unique_for_overwrite<char[]>(k_chunk);
  for (std::uint64_t at = 0; at < size; at += k_chunk) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(k_chunk, size - at));
    if (read_block(in_a->get(), of_a.get(), at) != wanted ||
        read_block(in_b->get(), of_b.get(), at) != wanted ||
        std::memcmp(of_a.get(), of_b.get(), wanted) != 0) {
      return false;
    }
  }
  return true;
}

using Stamp = std::tuple<std::string, std::uint64_t, std::int64_t>;

} // namespace

Result<std::vector<Tree>> list_all(const std::vector<std::string>& paths) {
  std::vector<Tree> trees;
  for (const auto& path : paths) {
    auto tree = list_tree(path, k_max_files);
    if (!tree) {
      return tree.error();
    }
    trees.push_back(std::move(*tree));
  }
  return trees;
}

Result<void> copy_tree(const Tree& tree, const std::string& into) {
  for (const auto& dir : tree.dirs) { // sorted: a parent comes before what is below it
    GPUJOB_TRY(make_directories(into + "/" + dir));
  }
  for (const auto& file : tree.files) {
    GPUJOB_TRY(copy_file(tree.parent + "/" + file.relative, into + "/" + file.relative, file));
  }
  for (const auto& dir : tree.dirs) {
    GPUJOB_TRY(fsync_path(into + "/" + dir));
  }
  return {};
}

bool is_copy_of(const std::string& directory, const std::vector<Tree>& trees) {
  const auto copy = list_tree(directory, k_max_files);
  if (!copy || copy->truncated) {
    return false;
  }
  std::vector<Stamp> wanted;
  for (const auto& tree : trees) {
    for (const auto& file : tree.files) {
      wanted.emplace_back(copy->name + "/" + file.relative, file.size, file.mtime_ns);
    }
  }
  std::vector<Stamp> there;
  for (const auto& file : copy->files) {
    there.emplace_back(file.relative, file.size, file.mtime_ns);
  }
  std::sort(wanted.begin(), wanted.end());
  std::sort(there.begin(), there.end());
  return wanted == there;
}

bool same_content(const Tree& a, const Tree& b) {
  const auto alike = [](const TreeFile& x, const TreeFile& y) {
    return x.relative == y.relative && x.size == y.size;
  };
  const auto equal = [&](const TreeFile& x, const TreeFile& y) {
    return same_bytes(a.parent + "/" + x.relative, b.parent + "/" + y.relative, x.size);
  };
  const auto all = [&](auto&& same) {
    return std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(), same);
  };
  return a.is_dir == b.is_dir && !a.truncated && !b.truncated && all(alike) && all(equal);
}

} // namespace gpujob::shim
