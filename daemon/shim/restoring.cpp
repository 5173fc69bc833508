// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/restoring.h"

#include "common/archive.h"
#include "common/file.h"
#include "common/layout.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/shim/copy_tree.h"
#include "daemon/shim/copying.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// One PATH that the copy holds.
struct Part {
  std::string path, source;
  Tree copy; ///< what the copy holds
  bool is_there = false;
  std::string aside; ///< where it was set aside; empty: it was not
};

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

std::string temporary_of(const std::string& path) {
  return parent_path(path) + "/.gpujob-restore-" + base_name(path);
}

Result<std::vector<Part>> parts_of(const std::string& from, const std::vector<std::string>& paths,
                                   const Told& told) {
  std::vector<Part> parts;
  for (const auto& path : paths) {
    Part part{path, from + "/" + base_name(path), {}, exists(path), {}};
    auto copy = list_all({part.source});
    if (copy) {
      part.copy = std::move(copy->front());
      parts.push_back(std::move(part));
    } else if (copy.error().code == Errc::not_found) {
      told(fmt::format("{}: the copy does not hold it: left as it is", path));
    } else {
      return copy.error();
    }
  }
  return parts;
}

/// Whether what is there is, byte by byte, what the copy holds.
bool is_equal(const Part& part) {
  const auto there = list_all({part.path});
  return there && same_content(there->front(), part.copy);
}

/// Whether the test of its kind tells a file that was cut off: that of an old pickle does not.
bool has_real_test(const std::string& path) {
  const auto kind = layout::classify({path, false});
  if (kind == layout::Kind::torch) {
    const auto fd = open_regular(path);
    return fd && archive::looks_like_zip(fd->get());
  }
  return kind == layout::Kind::zip || kind == layout::Kind::safetensors ||
         kind == layout::Kind::hdf5;
}

/// A file only: those of a directory may be of different moments.
bool proves_whole(const Part& part) {
  const auto tree = list_all({part.path});
  return tree && !tree->front().is_dir && has_real_test(part.path) &&
         layout::check_complete(part.path) &&
         tree->front().newest_mtime_ns() > part.copy.newest_mtime_ns();
}

bool stay(const std::vector<Part>& parts, std::size_t asked, const Told& told) {
  const auto all = [&](auto&& holds) { return std::all_of(parts.begin(), parts.end(), holds); };
  std::string why;
  if (all(is_equal)) {
    why = "kept: it is what the copy holds";
  } else if (asked == 1 && proves_whole(parts.front())) {
    // Two that are whole may still be of two moments.
    why = "kept: it is whole, and newer than the copy";
  }
  for (const auto& part : parts) {
    if (!why.empty()) {
      told(fmt::format("{}: {}", part.path, why));
    }
  }
  return !why.empty();
}

Result<void> set_aside(Part& part) {
  for (int n = 1; n < 10000; ++n) {
    auto aside = fmt::format("{}.stale-{}", part.path, n);
    if (exists(aside)) {
      continue;
    }
    if (::rename(part.path.c_str(), aside.c_str()) != 0) {
      return io_error("rename", part.path, errno);
    }
    part.aside = std::move(aside);
    return {};
  }
  return Error{Errc::refused, fmt::format("{}: too many of it were set aside", part.path)};
}

/// Beside where it is to be, every byte on disk: whatever fails takes its time here, where nothing
/// has been touched yet.
Result<void> prepare(const Part& part) {
  const auto temporary = temporary_of(part.path);
  GPUJOB_TRY(remove_tree(temporary));
  GPUJOB_TRY(make_directories(temporary));
  return copy_tree(part.copy, temporary);
}

Result<void> swap_in(Part& part, const Told& told) {
  if (part.is_there) {
    GPUJOB_TRY(set_aside(part));
    told(fmt::format("{}: set aside as {}", part.path, part.aside));
  }
  const auto made = temporary_of(part.path) + "/" + base_name(part.path);
  if (::rename(made.c_str(), part.path.c_str()) != 0) {
    return io_error("rename", part.path, errno);
  }
  told(fmt::format("{}: restored from {}", part.path, part.source));
  return fsync_path(parent_path(part.path));
}

Result<void> put_back(std::vector<Part>& parts, const Told& told) {
  for (const auto& part : parts) {
    GPUJOB_TRY(prepare(part));
  }
  for (auto& part : parts) {
    GPUJOB_TRY(swap_in(part, told));
  }
  return {};
}

} // namespace

Result<void> restore_copies(const std::string& from, const std::vector<std::string>& paths,
                            const Told& told) {
  if (!is_copy(from) || paths.empty()) {
    return {};
  }
  auto parts = parts_of(from, paths, told);
  if (!parts) {
    return parts.error();
  }
  if (parts->empty() || stay(*parts, paths.size(), told)) {
    return {};
  }
  auto done = put_back(*parts, told);
  remove_half_restored(paths);
  return done;
}

void remove_half_restored(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    (void)remove_tree(temporary_of(path));
  }
}

int run_restore(int parent, const std::string& from, const std::vector<std::string>& paths) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // it never outlives the attempt
  if (::getppid() != parent) {
    return 1;
  }
  const auto say = [](const std::string& line) {
    std::puts(printable(line).c_str());
    std::fflush(stdout);
  };
  const auto done = restore_copies(from, paths, say);
  if (!done) {
    say(done.error().text);
  }
  return done ? 0 : 1;
}

} // namespace gpujob::shim
